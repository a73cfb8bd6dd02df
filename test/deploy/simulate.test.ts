import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { DEFAULT_SCALE_DOWN, DEFAULT_SCALE_UP } from "../../src/deploy/hpa.ts";
import { diurnal, flashCrowd, parseTrace } from "../../src/deploy/load-shape.ts";
import { recommend, type Simulated, simulate, summarize } from "../../src/deploy/simulation.ts";
import { runHotpath } from "../cli/run-hotpath.ts";
import { testFolder } from "../support/postgres.ts";

const USUAL: Omit<Simulated, "load"> = {
  capacity: 100,
  serviceMs: 5,
  startSeconds: 20,
  cpuTarget: 70,
  rateTarget: null,
  lagSeconds: 30,
  windowSeconds: 60,
  patienceMs: 1000,
  autoscaling: { minReplicas: 2, maxReplicas: 20, scaleUp: DEFAULT_SCALE_UP, scaleDown: DEFAULT_SCALE_DOWN },
};

test("every request is answered, waits or is refused, whatever the load", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3000), { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 5 }),
      (load, pods) => {
        const autoscaling = { ...USUAL.autoscaling, minReplicas: pods };
        const moments = simulate({ ...USUAL, load, autoscaling });
        for (const { pods: count, ready, shed, latencyMs } of moments) {
          assert.ok(count >= pods && count <= 20 && ready <= count && shed >= -1e-9 && latencyMs >= USUAL.serviceMs);
        }
        const answerable = moments.reduce((sum, { ready }) => sum + ready * USUAL.capacity, 0);
        const { requests, shed } = summarize(moments);
        const waiting = (moments.at(-1)!.ready * USUAL.capacity * USUAL.patienceMs) / 1000;
        assert.ok(requests - shed <= answerable + waiting + 1e-6, "no more is answered than can be");
      },
    ),
  );
});

test("a steady load ends at the number of pods that its target asks for", () => {
  const moments = simulate({ ...USUAL, load: Array.from({ length: 1800 }, () => 700) });
  // 700 / (100 × 70%) is 10; a tenth above or below is let be.
  assert.ok(moments.at(-1)!.pods >= 9 && moments.at(-1)!.pods <= 11);
  assert.equal(new Set(moments.slice(-600).map(({ pods }) => pods)).size, 1);
});

test("a recommendation refuses nothing and keeps its latency, on the load that it was made for", () => {
  for (const load of [diurnal, flashCrowd].map((shape) => shape({ base: 50, peak: 1000, seconds: 1800 }))) {
    const found = recommend({ ...USUAL, load }, 200);
    assert.ok(found !== undefined);
    const { minReplicas, maxReplicas, cpuTarget } = found;
    const autoscaling = { ...USUAL.autoscaling, minReplicas, maxReplicas };
    const { shed, worstLatencyMs } = summarize(simulate({ ...USUAL, load, autoscaling, cpuTarget }));
    assert.ok(shed < 1 && worstLatencyMs <= 200);
  }
});

test("a trace is read as it was recorded, and refused where it makes no sense", () => {
  assert.deepEqual(parseTrace("seconds,rate\n0,10\n2,20\n4,0\n"), [10, 15, 20, 10, 0]);
  for (const wrong of ["", "seconds,rate\n", "0,1\n0,2\n", "0,-1\n", "0,x\n", "0,1\n700000,1\n"]) {
    assert.throws(() => parseTrace(wrong), { code: "HP_ARGUMENT_INVALID" });
  }
});

test("the command plots, recommends, and reads a trace", async (t) => {
  const folder = await testFolder(t);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "day.csv"), "0,100\n600,900\n1200,100\n");
  const { out, status, err } = await runHotpath(["deploy", "simulate", "--trace", "day.csv"], { directory: folder });
  assert.equal(status, 0, err);
  assert.match(out, /^requests +\S+ .*up to 900\/s\npods/);
  assert.match(out, /Recommended: --min-pods \d+ --max-pods \d+ --cpu-target \d+/);
  const json = await runHotpath(["deploy", "simulate", "--shape", "flash-crowd", "--duration", "600", "--json"]);
  assert.equal((JSON.parse(json.out) as { moments: unknown[] }).moments.length, 600);
  assert.equal((await runHotpath(["deploy", "simulate", "--shape", "round"])).status, 2);
});
