import { nearest } from "../api/nearest.ts";
import type { Command, CommandInput } from "./command.ts";
import { DEPLOY_FLAGS, type DeployFlags, misused, podsOf, readDeployFlags } from "./deploy-flags.ts";

type Print = (flags: DeployFlags, directory: string) => Promise<string>;

const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const KINDS: Readonly<Record<string, Print>> = {
  prometheus: async (flags) => {
    const { scrapeConfiguration } = await import("../deploy/prometheus.ts");
    return scrapeConfiguration(objectivesOf(flags), flags.text("rules", "hotpath.rules.yml"));
  },
  "prometheus-rules": async (flags) => (await import("../deploy/prometheus.ts")).prometheusRules(objectivesOf(flags)),
  github: async (flags) => {
    const { githubWorkflow } = await import("../deploy/github.ts");
    return githubWorkflow({
      script: flags.text("script", "load-test.js"),
      start: flags.text("run", "npm start"),
      url: flags.text("url", "http://127.0.0.1:3000/"),
      tolerance: String(flags.count("tolerance", 10, 99)),
    });
  },
  grafana: async (flags) => (await import("../deploy/grafana.ts")).grafanaDashboard(flags.text("job", "hotpath")),
  kubernetes: async (flags) => {
    const { kubernetesManifests } = await import("../deploy/kubernetes.ts");
    const app = flags.text("app", "api");
    if (!/^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$/.test(app)) {
      throw misused("--app is a name in lower case, such as shop-api.");
    }
    const image = flags.text("image", "api:latest");
    if (!/^[a-z0-9][\w./:@-]*$/i.test(image)) {
      throw misused("--image is the name of an image, such as registry.example/shop:1.2.");
    }
    const pods = flags.range("min-pods", "max-pods", podsOf(flags));
    return kubernetesManifests({
      app,
      image,
      port: flags.count("port", 3000, MAX_PORT),
      adminPort: 3001,
      minPods: pods.least,
      maxPods: pods.most,
      cpuMillis: flags.count("cpu", 1000),
      memoryMebibytes: flags.count("memory", 512),
      cpuTarget: flags.count("cpu-target", 70, 100),
      rateTarget: flags.count("rate-target", 100),
      upAfterSeconds: flags.count("up-after", 60, 3600),
      upPercent: flags.count("up-percent", 100),
      upPeriodSeconds: flags.count("up-period", 15, 1800),
      downAfterSeconds: flags.count("down-after", 300, 3600),
      graceSeconds: flags.count("grace", 10, 3600),
    });
  },
  "prometheus-adapter": async () => (await import("../deploy/kubernetes.ts")).prometheusAdapterRule(),
  dockerfile: async (flags) => (await import("../deploy/container.ts")).dockerfile(flags.count("port", 3000, MAX_PORT)),
  dockerignore: async () => (await import("../deploy/container.ts")).dockerignore(),
  compose: async (flags) => (await import("../deploy/container.ts")).composeFile(flags.count("port", 3000, MAX_PORT)),
  nginx: async (flags) => {
    const { nginxConfiguration } = await import("../deploy/nginx.ts");
    const [cert, key] = [flags.path("cert", "-"), flags.path("key", "-")];
    if ((cert === "-") !== (key === "-")) throw misused("--cert and --key belong together.");
    return nginxConfiguration({
      origins: flags
        .list("origins", "127.0.0.1:3000")
        .map(toOrigin)
        .map(({ host, port }) => `${host}:${port}`),
      port: flags.count("port", 8080, MAX_PORT),
      folder: flags.path("cache-folder", "/var/cache/nginx/hotpath"),
      tls: cert === "-" ? undefined : { cert, key },
      brotli: flags.has("brotli"),
    });
  },
  varnish: async (flags) => {
    const { varnishConfiguration } = await import("../deploy/varnish.ts");
    const [origin, ...others] = flags.list("origins", "127.0.0.1:3000").map(toOrigin);
    if (origin === undefined || others.length > 0) throw misused("varnish takes one of --origins: a load balancer's.");
    const purgers = flags.list("purgers", "127.0.0.1");
    if (!purgers.every((address) => /^[\w.:-]+$/.test(address))) throw misused("--purgers are addresses or names.");
    return varnishConfiguration({ ...origin, purgers, graceSeconds: flags.count("stale", 3600) });
  },
  simulate: async (flags, directory) => (await import("./deploy-simulate.ts")).runSimulation(flags, directory),
};

const MAX_PORT = 65_535;

/** `hotpath deploy`: files for what runs around a server, and how many servers that takes. */
export const deploy: Command = {
  name: "deploy",
  summary: "Print files for Kubernetes, containers, nginx, Varnish, Prometheus, Grafana; simulate autoscaling.",
  usage: ["deploy KIND [flags]"],
  positionals: [{ name: "KIND", description: `One of ${Object.keys(KINDS).join(", ")}.` }],
  flags: DEPLOY_FLAGS,
  scopes: [],
  examples: [
    "hotpath deploy kubernetes --app shop --image registry.example/shop:1.2 > shop.yaml",
    "hotpath deploy simulate --shape flash-crowd --peak 2000 --capacity 400",
    "hotpath deploy nginx --origins 10.0.0.1:3000,10.0.0.2:3000 > hotpath.conf",
    "hotpath deploy prometheus --targets api-1:3001,api-2:3001 > prometheus.yml",
    "hotpath deploy prometheus-rules --availability 99.95 > hotpath.rules.yml",
    "hotpath deploy grafana > hotpath.json",
    "hotpath deploy github --script load/test.js > .github/workflows/load.yml",
  ],
  async run({ positionals, own, directory, terminal }: CommandInput) {
    const [kind = ""] = positionals;
    const print = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    if (print === undefined) {
      const meant = nearest(kind, Object.keys(KINDS));
      const hint = meant === undefined ? "" : ` Did you mean ${meant}?`;
      throw misused(`hotpath deploy takes one of ${Object.keys(KINDS).join(", ")}.${hint}`);
    }
    const flags = readDeployFlags(own);
    const text = await print(flags, directory);
    const unused = flags.unused().map((name) => `--${name}`);
    if (unused.length > 0) {
      throw misused(`hotpath deploy ${kind} has no use for ${unused.join(", ")} with what else was given.`);
    }
    terminal.out(text);
  },
};

function objectivesOf(flags: DeployFlags) {
  return {
    job: flags.text("job", "hotpath"),
    targets: flags.list("targets", "127.0.0.1:3001"),
    availability: share(flags, "availability", 99.9),
    quick: share(flags, "quick", 99),
    latencySeconds: bucket(flags.text("latency", "0.25")),
  };
}

function share(flags: DeployFlags, name: string, otherwise: number): number {
  const percent = flags.amount(name, otherwise);
  if (percent < 100) return percent / 100;
  throw misused(`--${name} is a percentage below 100, such as ${otherwise}.`);
}

function bucket(text: string): number {
  const seconds = Number(text);
  if (BUCKETS.includes(seconds)) return seconds;
  throw misused(`--latency is one of ${BUCKETS.join(", ")}: only those are counted.`);
}

function toOrigin(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^([\w.-]+|\[[\da-fA-F:]+\]):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > MAX_PORT) throw misused("--origins are host:port, separated by commas.");
  return { host, port: Number(port) };
}
