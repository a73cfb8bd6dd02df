import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { validate } from "dockerfile-utils";
import * as fc from "fast-check";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { Service } from "kubernetes-models/v1/Service";
import { parse, parseAllDocuments } from "yaml";
import { formatYaml, type Yaml } from "../../src/deploy/yaml.ts";
import { runHotpath } from "../cli/run-hotpath.ts";
import { testFolder } from "../support/postgres.ts";

const MODELS = [Deployment, Service, PodDisruptionBudget, HorizontalPodAutoscaler, ServiceMonitor];

async function print(...words: string[]): Promise<string> {
  const { out, err, status } = await runHotpath(["deploy", ...words]);
  assert.equal(status, 0, err);
  return out;
}

async function manifests(...flags: string[]): Promise<Record<string, unknown>[]> {
  const documents = parseAllDocuments(await print("kubernetes", ...flags));
  for (const { errors } of documents) assert.deepEqual(errors, []);
  return documents.map((document) => document.toJS() as Record<string, unknown>);
}

test("every manifest is valid by the schemas that Kubernetes and the Prometheus operator publish", async () => {
  for (const flags of [
    [],
    ["--app", "shop-api", "--image", "registry.example:5000/shop@sha256:00", "--min-pods", "1"],
  ]) {
    const all = await manifests(...flags);
    assert.equal(all.length, MODELS.length);
    for (const [index, manifest] of all.entries()) {
      const Model = MODELS[index]!;
      const model = new Model(manifest as never);
      assert.equal(manifest["kind"], model.kind);
      assert.equal(manifest["apiVersion"], model.apiVersion);
      model.validate();
    }
  }
  // The schemas do tell right from wrong.
  assert.throws(() => new Deployment({ spec: { replicas: "two" } } as never).validate());
});

test("the autoscaler has what was asked for: 70% of CPU, 100 requests a second, up after 60 s, down after 300 s; all of it adjustable", async () => {
  const [, , , hpa] = (await manifests()) as unknown as [unknown, unknown, unknown, { spec: Record<string, unknown> }];
  assert.deepEqual(hpa.spec["metrics"], [
    { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
    {
      type: "Pods",
      pods: { metric: { name: "api_requests_per_second" }, target: { type: "AverageValue", averageValue: "100" } },
    },
  ]);
  assert.deepEqual(hpa.spec["behavior"], {
    scaleUp: { stabilizationWindowSeconds: 60, policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] },
    scaleDown: { stabilizationWindowSeconds: 300 },
  });
  const flags = ["--cpu-target", "55", "--rate-target", "250", "--up-after", "5", "--up-percent", "50"];
  const more = ["--up-period", "30", "--down-after", "600", "--min-pods", "3", "--max-pods", "40"];
  const text = JSON.stringify((await manifests(...flags, ...more))[3]);
  for (const part of [
    '"averageUtilization":55',
    '"averageValue":"250"',
    '"stabilizationWindowSeconds":5',
    '"value":50,"periodSeconds":30',
    '"stabilizationWindowSeconds":600',
    '"minReplicas":3,"maxReplicas":40',
  ]) {
    assert.ok(text.includes(part), part);
  }
});

test("pods have probes, leave slowly, are spread, and may do little", async () => {
  const [deployment] = (await manifests("--grace", "20")) as unknown as [{ spec: { template: { spec: Pod } } }];
  const { containers, ...pod } = deployment.spec.template.spec;
  const [container] = containers;
  assert.equal(pod.terminationGracePeriodSeconds, 30);
  assert.equal(pod.topologySpreadConstraints.length, 2);
  assert.deepEqual(container!.lifecycle, { preStop: { sleep: { seconds: 5 } } });
  assert.equal(container!.readinessProbe.httpGet.path, "/ready");
  assert.equal(container!.livenessProbe.httpGet.path, "/live");
  assert.deepEqual(container!.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  // The server knows each of its variables.
  const environment = Object.fromEntries(container!.env.map(({ name, value = "x".repeat(32) }) => [name, value]));
  const { err } = await runHotpath(["serve"], {
    environment: { ...environment, HOTPATH_DATABASE_URL: "postgres://127.0.0.1:1/none", HOTPATH_PORT: "70000" },
  });
  assert.match(err, /^hotpath: HOTPATH_PORT must/, "of all variables only the wrong port is complained of");
});

interface Pod {
  readonly containers: readonly {
    readonly lifecycle: object;
    readonly readinessProbe: { readonly httpGet: { readonly path: string } };
    readonly livenessProbe: { readonly httpGet: { readonly path: string } };
    readonly securityContext: object;
    readonly env: readonly { readonly name: string; readonly value?: string }[];
  }[];
  readonly terminationGracePeriodSeconds: number;
  readonly topologySpreadConstraints: readonly object[];
}

test("the rule for prometheus-adapter makes the metric that the autoscaler asks for", async () => {
  const rule = parse(await print("prometheus-adapter")) as { rules: { custom: { name: { as: string } }[] } };
  assert.equal(rule.rules.custom[0]?.name.as, "api_requests_per_second");
});

// Neither can be run where there is no container runtime: their structure is held to what Docker documents.
test("the Dockerfile has stages, another user than root, and starts what the package installs", async () => {
  const text = await print("dockerfile", "--port", "8080");
  assert.deepEqual(validate(text), []);
  const instructions = text
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of instructions) {
    assert.match(line, /^(?:FROM|WORKDIR|COPY|RUN|ENV|USER|EXPOSE|ENTRYPOINT|CMD) \S/, line);
  }
  assert.equal(instructions.filter((line) => line.startsWith("FROM ")).length, 2);
  assert.match(text, /^USER 10001$/m);
  assert.match(text, /^EXPOSE 8080$/m);
  for (const line of instructions.filter((each) => /^(?:ENTRYPOINT|CMD) /.test(each))) {
    assert.ok(Array.isArray(JSON.parse(line.replace(/^\w+ /, ""))), "words, so that signals reach the server");
  }
  assert.match(await print("dockerignore"), /^node_modules$/m);
});

test("the Compose file names what it uses, and its linter finds no error", async (t) => {
  const text = await print("compose");
  const folder = await testFolder(t);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "compose.yaml"), text);
  const linter = fileURLToPath(new URL("../../node_modules/.bin/dclint", import.meta.url));
  await promisify(execFile)(linter, ["--quiet", join(folder, "compose.yaml")]);
  const compose = parse(text) as {
    services: Record<string, { depends_on?: object; environment?: Record<string, string>; volumes?: string[] }>;
    volumes: Record<string, unknown>;
  };
  for (const { depends_on: needed = {}, volumes = [] } of Object.values(compose.services)) {
    for (const name of Object.keys(needed)) assert.ok(name in compose.services, name);
    for (const volume of volumes.filter((each) => !each.startsWith("."))) {
      assert.ok(Object.hasOwn(compose.volumes, volume.split(":")[0]!), volume);
    }
  }
});

test("what is written as YAML is read as it was", () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom("yes", "null", "1e3", "- a", "a: b", "#", "", "é\n x\n", "two\nlines"),
  );
  const value = fc.letrec<{ yaml: Yaml }>((tie) => ({
    yaml: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.integer(),
      fc.boolean(),
      fc
        .array(tie("yaml"), { minLength: 1, maxLength: 3 })
        .filter((list) => list.every((each) => !Array.isArray(each) && !isEmpty(each))),
      fc.dictionary(fc.stringMatching(/^[a-zA-Z0-9./_ -]{1,12}$/), tie("yaml"), {
        minKeys: 1,
        maxKeys: 3,
        noNullPrototype: true,
      }),
    ),
  })).yaml;
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), value, { minKeys: 1, noNullPrototype: true }),
      (document) => {
        assert.deepEqual(parse(formatYaml([document])), document);
      },
    ),
  );
});

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
