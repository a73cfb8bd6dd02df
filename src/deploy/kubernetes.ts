import { formatYaml, type Yaml } from "./yaml.ts";

/** What is to run, and how many of it. */
export interface ClusterPlan {
  readonly app: string;
  readonly image: string;
  readonly port: number;
  readonly adminPort: number;
  readonly minPods: number;
  readonly maxPods: number;
  /** Millicores that a pod asks for; a process answers on one core. */
  readonly cpuMillis: number;
  readonly memoryMebibytes: number;
  /** Percent of the CPU request. */
  readonly cpuTarget: number;
  /** Requests a second and pod. */
  readonly rateTarget: number;
  readonly upAfterSeconds: number;
  readonly upPercent: number;
  readonly upPeriodSeconds: number;
  readonly downAfterSeconds: number;
  /** What requests under way may take when a pod is to go: `server.shutdownGrace`. */
  readonly graceSeconds: number;
}

/** How long load balancers may take to learn that a pod goes; until then it answers as before. */
const PRE_STOP_SECONDS = 5;
const END_MARGIN_SECONDS = 5;
const USER = 10_001;

/** Manifests in the order in which they are to be applied. The secret that they name is the operator's to make. */
export function kubernetesManifests(plan: ClusterPlan): string {
  return `${HEAD.replaceAll("APP", plan.app)}${formatYaml([
    deployment(plan),
    service(plan),
    disruptionBudget(plan),
    autoscaler(plan),
    serviceMonitor(plan),
  ])}`;
}

const HEAD = `# Applied as it is, or as a resource of a kustomization.yaml. It wants a secret:
#   kubectl create secret generic APP --from-literal=database-url=postgres://… --from-literal=admin-token=$(openssl rand -hex 32)
# The autoscaler's second metric comes from prometheus-adapter: hotpath deploy prometheus-adapter.
# The ServiceMonitor is for the Prometheus operator; leave it out where there is none.
`;

function labels({ app }: ClusterPlan): Record<string, string> {
  return { "app.kubernetes.io/name": app };
}

function metadata(plan: ClusterPlan): Yaml {
  return { name: plan.app, labels: labels(plan) };
}

function deployment(plan: ClusterPlan): Yaml {
  const { app, minPods, graceSeconds } = plan;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(plan),
    spec: {
      // No `replicas`: they are the autoscaler's, and applying the file again must not set them back.
      minReadySeconds: 5,
      revisionHistoryLimit: 3,
      selector: { matchLabels: labels(plan) },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: minPods > 1 ? "25%" : 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: labels(plan) },
        spec: {
          automountServiceAccountToken: false,
          // Its variables of services would be taken for options.
          enableServiceLinks: false,
          terminationGracePeriodSeconds: PRE_STOP_SECONDS + graceSeconds + END_MARGIN_SECONDS,
          securityContext: { runAsNonRoot: true, runAsUser: USER, seccompProfile: { type: "RuntimeDefault" } },
          topologySpreadConstraints: ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
            maxSkew: 1,
            topologyKey,
            whenUnsatisfiable: "ScheduleAnyway",
            labelSelector: { matchLabels: labels(plan) },
          })),
          containers: [container(plan, app)],
        },
      },
    },
  };
}

function container(plan: ClusterPlan, app: string): Yaml {
  const { image, port, adminPort, cpuMillis, memoryMebibytes, graceSeconds } = plan;
  const secret = (name: string, key: string): Yaml => ({ name, valueFrom: { secretKeyRef: { name: app, key } } });
  const memory = `${memoryMebibytes}Mi`;
  return {
    name: app,
    image,
    args: ["serve"],
    env: [
      { name: "HOTPATH_HOST", value: "0.0.0.0" },
      { name: "HOTPATH_PORT", value: String(port) },
      { name: "HOTPATH_ADMIN_HOST", value: "0.0.0.0" },
      { name: "HOTPATH_ADMIN_PORT", value: String(adminPort) },
      { name: "HOTPATH_ADMIN_ALLOWED_HOSTS", value: "*" },
      { name: "HOTPATH_SHUTDOWN_GRACE", value: `${graceSeconds}s` },
      secret("HOTPATH_DATABASE_URL", "database-url"),
      secret("HOTPATH_ADMIN_TOKEN", "admin-token"),
    ],
    ports: [
      { name: "http", containerPort: port },
      { name: "admin", containerPort: adminPort },
    ],
    // Probes need no token. A pod whose database is away is not ended for it, but gets no requests.
    startupProbe: probe("/live", { periodSeconds: 1, failureThreshold: 60 }),
    livenessProbe: probe("/live", { periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 }),
    readinessProbe: probe("/ready", { periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 }),
    lifecycle: { preStop: { sleep: { seconds: PRE_STOP_SECONDS } } },
    resources: {
      requests: { cpu: `${cpuMillis}m`, memory },
      // No limit of CPU: being throttled amid a burst costs more latency than it saves.
      limits: { memory },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [],
  };
}

function probe(path: string, more: Readonly<Record<string, number>>): Yaml {
  return { httpGet: { path, port: "admin" }, ...more };
}

function service(plan: ClusterPlan): Yaml {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(plan),
    spec: {
      selector: labels(plan),
      ports: [
        { name: "http", port: 80, targetPort: "http" },
        { name: "admin", port: plan.adminPort, targetPort: "admin" },
      ],
    },
  };
}

function disruptionBudget(plan: ClusterPlan): Yaml {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(plan),
    spec: {
      maxUnavailable: 1,
      // A pod that is not ready anyway does not keep a node from being drained.
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: labels(plan) },
    },
  };
}

function autoscaler(plan: ClusterPlan): Yaml {
  const { app, minPods, maxPods, cpuTarget, rateTarget } = plan;
  const { upAfterSeconds, upPercent, upPeriodSeconds, downAfterSeconds } = plan;
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: metadata(plan),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: app },
      minReplicas: minPods,
      maxReplicas: maxPods,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpuTarget } } },
        {
          type: "Pods",
          pods: {
            metric: { name: "api_requests_per_second" },
            target: { type: "AverageValue", averageValue: String(rateTarget) },
          },
        },
      ],
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: upAfterSeconds,
          policies: [{ type: "Percent", value: upPercent, periodSeconds: upPeriodSeconds }],
        },
        scaleDown: { stabilizationWindowSeconds: downAfterSeconds },
      },
    },
  };
}

function serviceMonitor(plan: ClusterPlan): Yaml {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: metadata(plan),
    spec: {
      selector: { matchLabels: labels(plan) },
      endpoints: [
        {
          port: "admin",
          path: "/metrics",
          interval: "15s",
          authorization: { credentials: { name: plan.app, key: "admin-token" } },
        },
      ],
    },
  };
}

/** The rule by which prometheus-adapter tells the autoscaler of requests, as values of its Helm chart. */
export function prometheusAdapterRule(): string {
  return formatYaml([
    {
      rules: {
        custom: [
          {
            seriesQuery: 'api_requests_total{namespace!="",pod!=""}',
            resources: { overrides: { namespace: { resource: "namespace" }, pod: { resource: "pod" } } },
            name: { matches: "^api_requests_total$", as: "api_requests_per_second" },
            metricsQuery: "sum(rate(<<.Series>>{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>)",
          },
        ],
      },
    },
  ]);
}
