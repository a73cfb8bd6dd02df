/**
 * The algorithm of Kubernetes' Horizontal Pod Autoscaler (autoscaling/v2), as its documentation and its controller have it:
 * https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
 */

/** What `spec.behavior` says of one direction. */
export interface ScalingRules {
  readonly stabilizationWindowSeconds: number;
  /** Which of several policies counts: that of the greatest change, of the smallest, or none may be made. */
  readonly selectPolicy: "Max" | "Min" | "Disabled";
  readonly policies: readonly ScalingPolicy[];
  /** Metrics may be off their target by this share without anything being changed. */
  readonly tolerance: number;
}

export interface ScalingPolicy {
  readonly type: "Pods" | "Percent";
  readonly value: number;
  readonly periodSeconds: number;
}

export interface Autoscaling {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly scaleUp: ScalingRules;
  readonly scaleDown: ScalingRules;
}

/** One metric as the controller sees it. */
export interface ObservedMetric {
  /** Of the pods that are ready, on average. */
  readonly current: number;
  readonly target: number;
  readonly readyPods: number;
  /** Pods that do not count yet: not ready, or too young. */
  readonly unreadyPods: number;
  /** Pods that tell nothing. */
  readonly missingPods?: number;
}

/** What Kubernetes does where `spec.behavior` says nothing. */
export const DEFAULT_SCALE_UP: ScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Percent", value: 100, periodSeconds: 15 },
    { type: "Pods", value: 4, periodSeconds: 15 },
  ],
  tolerance: 0.1,
};
export const DEFAULT_SCALE_DOWN: ScalingRules = {
  stabilizationWindowSeconds: 300,
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
  tolerance: 0.1,
};

/** How many pods one metric asks for. */
export function desiredReplicas(
  currentReplicas: number,
  { current, target, readyPods, unreadyPods, missingPods = 0 }: ObservedMetric,
  tolerance: { readonly up: number; readonly down: number },
): number {
  const ratio = current / target;
  const isWithin = (value: number): boolean => value <= 1 + tolerance.up && value >= 1 - tolerance.down;
  const setsUnreadyAside = unreadyPods > 0 && ratio > 1;
  if (missingPods === 0 && !setsUnreadyAside) {
    return isWithin(ratio) ? currentReplicas : Math.ceil(rounded(ratio * readyPods));
  }
  // What is not known is taken to be such that less is changed: idle on the way up, at its target on the way down.
  const missing = ratio < 1 ? missingPods * target : 0;
  const counted = readyPods + missingPods + (setsUnreadyAside ? unreadyPods : 0);
  const cautious = (current * readyPods + missing) / (counted * target);
  if (isWithin(cautious) || (ratio < 1 && cautious > 1) || (ratio > 1 && cautious < 1)) return currentReplicas;
  const wanted = Math.ceil(rounded(cautious * counted));
  if ((cautious < 1 && wanted > currentReplicas) || (cautious > 1 && wanted < currentReplicas)) return currentReplicas;
  return wanted;
}

/** 90 / 75 × 50 is 60 and not the next number above it. */
function rounded(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}

/** Decides, every 15 seconds, how many pods there are to be. */
export interface Autoscaler {
  decide(nowSeconds: number, currentReplicas: number, metrics: readonly ObservedMetric[]): number;
}

export function createAutoscaler(settings: Autoscaling): Autoscaler {
  const { minReplicas, maxReplicas, scaleUp, scaleDown } = settings;
  let recommendations: { readonly at: number; readonly replicas: number }[] = [];
  let changes: { readonly at: number; readonly by: number }[] = [];
  const longest = Math.max(scaleUp.stabilizationWindowSeconds, scaleDown.stabilizationWindowSeconds);
  const longestPeriod = Math.max(
    ...[...scaleUp.policies, ...scaleDown.policies].map(({ periodSeconds }) => periodSeconds),
    0,
  );

  /** The least that was wanted within the window of going up, the most within that of going down. */
  function stabilized(now: number, current: number, wanted: number): number {
    let up = wanted;
    let down = wanted;
    for (const { at, replicas } of recommendations) {
      if (at > now - scaleUp.stabilizationWindowSeconds) up = Math.min(up, replicas);
      if (at > now - scaleDown.stabilizationWindowSeconds) down = Math.max(down, replicas);
    }
    recommendations = recommendations.filter(({ at }) => at > now - longest);
    recommendations.push({ at: now, replicas: wanted });
    return Math.min(Math.max(current, up), down);
  }

  /** How many there were when the period began. */
  function before(now: number, current: number, periodSeconds: number): number {
    return changes.reduce((count, { at, by }) => (at > now - periodSeconds ? count - by : count), current);
  }

  function limitUp(now: number, current: number): number {
    if (scaleUp.selectPolicy === "Disabled") return current;
    const limits = scaleUp.policies.map(({ type, value, periodSeconds }) => {
      const start = before(now, current, periodSeconds);
      return type === "Pods" ? start + value : Math.ceil(rounded(start * (1 + value / 100)));
    });
    const limit = scaleUp.selectPolicy === "Max" ? Math.max(...limits) : Math.min(...limits);
    return Math.max(limit, current);
  }

  function limitDown(now: number, current: number): number {
    if (scaleDown.selectPolicy === "Disabled") return current;
    const limits = scaleDown.policies.map(({ type, value, periodSeconds }) => {
      const start = before(now, current, periodSeconds);
      return type === "Pods" ? start - value : Math.trunc(rounded(start * (1 - value / 100)));
    });
    const limit = scaleDown.selectPolicy === "Max" ? Math.min(...limits) : Math.max(...limits);
    return Math.min(limit, current);
  }

  return {
    decide(now, current, metrics) {
      // Whatever was there when the controller first looked was wanted.
      if (recommendations.length === 0) recommendations.push({ at: now, replicas: current });
      const tolerance = { up: scaleUp.tolerance, down: scaleDown.tolerance };
      const wanted = Math.max(...metrics.map((metric) => desiredReplicas(current, metric, tolerance)));
      let decided = stabilized(now, current, wanted);
      if (decided > current) decided = Math.min(decided, limitUp(now, current), maxReplicas);
      else if (decided < current) decided = Math.max(decided, limitDown(now, current), minReplicas);
      decided = Math.min(maxReplicas, Math.max(minReplicas, decided));
      changes = changes.filter(({ at }) => at > now - longestPeriod);
      if (decided !== current) changes.push({ at: now, by: decided - current });
      return decided;
    },
  };
}
