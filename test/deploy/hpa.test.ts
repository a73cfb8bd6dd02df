import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createAutoscaler,
  DEFAULT_SCALE_DOWN,
  DEFAULT_SCALE_UP,
  desiredReplicas,
  type ScalingRules,
} from "../../src/deploy/hpa.ts";

const TOLERANCE = { up: 0.1, down: 0.1 };
const DISABLED: ScalingRules = { ...DEFAULT_SCALE_DOWN, selectPolicy: "Disabled" };

/** A metric whose pods are all ready. */
function metric(current: number, target: number, readyPods: number) {
  return { current, target, readyPods, unreadyPods: 0 };
}

/** Replica counts, every 15 seconds, while one metric asks for so many. */
function follow(
  rules: {
    readonly scaleUp?: ScalingRules;
    readonly scaleDown?: ScalingRules;
    readonly from: number;
    readonly max?: number;
  },
  wanted: readonly number[],
): number[] {
  const { scaleUp = DEFAULT_SCALE_UP, scaleDown = DEFAULT_SCALE_DOWN, from, max = 10_000 } = rules;
  const autoscaler = createAutoscaler({ minReplicas: 1, maxReplicas: max, scaleUp, scaleDown });
  let replicas = from;
  return wanted.map((count, index) => {
    replicas = autoscaler.decide(index * 15, replicas, [metric(count / replicas, 1, replicas)]);
    return replicas;
  });
}

// The examples of https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/ and of the enhancements it grew from.

test("200m at a target of 100m doubles, 50m halves, and within a tenth nothing happens", () => {
  assert.equal(desiredReplicas(3, metric(200, 100, 3), TOLERANCE), 6);
  assert.equal(desiredReplicas(4, metric(50, 100, 4), TOLERANCE), 2);
  assert.equal(desiredReplicas(7, metric(109, 100, 7), TOLERANCE), 7);
  assert.equal(desiredReplicas(7, metric(91, 100, 7), TOLERANCE), 7);
  assert.equal(desiredReplicas(10, metric(111, 100, 10), TOLERANCE), 12);
});

test("50 pods at 90% of CPU with a target of 75% become 60; a tolerance of its own can forbid it", () => {
  assert.equal(desiredReplicas(50, metric(90, 75, 50), TOLERANCE), 60);
  assert.equal(desiredReplicas(50, metric(90, 75, 50), { up: 0.2, down: 0.1 }), 50);
  assert.equal(desiredReplicas(50, metric(76, 75, 50), { up: 0, down: 0.05 }), 51);
});

test("80 pods that are to be 10 go by 8 while 10% is more than 4, then by 4", () => {
  const scaleDown: ScalingRules = {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    tolerance: 0.1,
    policies: [
      { type: "Pods", value: 4, periodSeconds: 60 },
      { type: "Percent", value: 10, periodSeconds: 60 },
    ],
  };
  const counts = follow(
    { scaleDown, from: 80 },
    Array.from({ length: 80 }, () => 10),
  );
  const perMinute = counts.filter((_, index) => index % 4 === 0);
  assert.deepEqual(perMinute.slice(0, 13), [72, 64, 57, 51, 45, 40, 36, 32, 28, 24, 20, 16, 12]);
  assert.equal(counts.at(-1), 10);
  const slower = follow({ scaleDown: { ...scaleDown, selectPolicy: "Min" }, from: 80 }, [10]);
  assert.deepEqual(slower, [76]);
  assert.deepEqual(follow({ scaleDown: DISABLED, from: 80 }, [10, 10, 10]), [80, 80, 80]);
});

test("by default up by four or twofold, whichever is more, each 15 seconds; down to what was wanted most in five minutes", () => {
  assert.deepEqual(follow({ from: 1 }, [100, 100, 100, 100, 100, 100]), [5, 10, 20, 40, 80, 100]);
  const down = follow(
    { from: 10 },
    Array.from({ length: 30 }, (_, index) => (index < 4 ? 10 : 2)),
  );
  assert.equal(down.indexOf(2) * 15, 3 * 15 + 300);
});

test("900% a minute: 1, 10, 100, 1000", () => {
  const scaleUp: ScalingRules = {
    ...DEFAULT_SCALE_UP,
    policies: [{ type: "Percent", value: 900, periodSeconds: 60 }],
  };
  const counts = follow(
    { scaleUp, from: 1 },
    Array.from({ length: 12 }, () => 1000),
  );
  assert.deepEqual(
    counts.filter((_, index) => index % 4 === 0),
    [10, 100, 1000],
  );
});

test("going up waits for its window: the least that was wanted in it counts", () => {
  const scaleUp: ScalingRules = { ...DEFAULT_SCALE_UP, stabilizationWindowSeconds: 60 };
  assert.deepEqual(follow({ scaleUp, from: 4 }, [4, 8, 8, 8, 8, 8]), [4, 4, 4, 4, 8, 8]);
  assert.deepEqual(follow({ scaleUp, from: 4 }, [8, 8, 4, 8, 8, 4]), [4, 4, 4, 4, 4, 4]);
});

test("pods that are not ready hold back the way up, and ones that tell nothing hold back both ways", () => {
  // Two at 200% and two that start: as if those did nothing, all four are at their target.
  assert.equal(desiredReplicas(4, { current: 200, target: 100, readyPods: 2, unreadyPods: 2 }, TOLERANCE), 4);
  assert.equal(desiredReplicas(4, { current: 300, target: 100, readyPods: 2, unreadyPods: 2 }, TOLERANCE), 6);
  assert.equal(
    desiredReplicas(10, { current: 50, target: 100, readyPods: 5, unreadyPods: 0, missingPods: 5 }, TOLERANCE),
    8,
  );
  assert.equal(
    desiredReplicas(10, { current: 150, target: 100, readyPods: 5, unreadyPods: 0, missingPods: 5 }, TOLERANCE),
    10,
  );
});

test("of several metrics the one that wants most counts, within the least and the most", () => {
  const autoscaler = createAutoscaler({
    minReplicas: 2,
    maxReplicas: 6,
    scaleUp: DEFAULT_SCALE_UP,
    scaleDown: { ...DEFAULT_SCALE_DOWN, stabilizationWindowSeconds: 0 },
  });
  assert.equal(autoscaler.decide(0, 3, [metric(50, 100, 3), metric(150, 100, 3)]), 5);
  assert.equal(autoscaler.decide(15, 5, [metric(500, 100, 5)]), 6);
  assert.equal(autoscaler.decide(30, 6, [metric(1, 100, 6)]), 2);
});
