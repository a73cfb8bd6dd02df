import { randomUUID } from "node:crypto";
import type { Vu } from "../vu.ts";

/** What k6's library `k6-utils` offers, which many scripts import from the network. */
export function createUtilities(vu: Vu) {
  const stages = (): readonly { readonly duration: unknown; readonly target: number }[] => {
    const { options } = vu.process;
    const scenarios = options["scenarios"] as Readonly<Record<string, { stages?: unknown }>> | undefined;
    const found = scenarios?.[vu.scenario?.name ?? ""]?.stages ?? options["stages"];
    if (!Array.isArray(found)) throw new Error("the scenario has no stages");
    return found as never;
  };
  const currentStage = (): number => {
    const elapsed = performance.now() - vu.scenarioStartedAt;
    let sum = 0;
    const all = stages();
    for (const [at, { duration }] of all.entries()) {
      sum += parseDuration(String(duration));
      if (elapsed < sum) return at;
    }
    return all.length - 1;
  };
  const module = {
    randomIntBetween: (min: number, max: number): number => Math.floor(Math.random() * (max - min + 1) + min),
    randomItem: <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(Math.random() * items.length)],
    randomString(length: number, charset = "abcdefghijklmnopqrstuvwxyz"): string {
      let text = "";
      for (let at = 0; at < length; at++) text += charset[Math.floor(Math.random() * charset.length)] ?? "";
      return text;
    },
    uuidv4: (_secure = false): string => randomUUID(),
    findBetween(content: string, left: string, right: string, repeat = false): string | string[] | null {
      const found: string[] = [];
      for (let at = content.indexOf(left); at >= 0; at = content.indexOf(left, at)) {
        const start = at + left.length;
        const end = content.indexOf(right, start);
        if (end < 0) break;
        found.push(content.slice(start, end));
        if (!repeat) return found[0]!;
        at = end + right.length;
      }
      return repeat ? found : null;
    },
    normalDistributionStages(maxVus: number, durationSeconds: number, numberOfStages = 10) {
      const curve = Array.from({ length: numberOfStages + 2 }, (_, at) => {
        const x = (at / (numberOfStages + 1)) * 6 - 3;
        return Math.exp(-(x * x) / 2);
      });
      const peak = Math.max(...curve);
      const each = Math.ceil(durationSeconds / (numberOfStages + 2));
      return curve.map((height, at) => ({
        duration: `${each}s`,
        target: at === curve.length - 1 ? 0 : Math.ceil((maxVus * height) / peak),
      }));
    },
    getCurrentStageIndex: currentStage,
    tagWithCurrentStageIndex: () => void (vu.tags["stage"] = String(currentStage())),
    tagWithCurrentStageProfile() {
      const all = stages();
      const at = currentStage();
      const before = at === 0 ? 0 : all[at - 1]!.target;
      const { target } = all[at]!;
      vu.tags["stage_profile"] = target > before ? "ramp-up" : target < before ? "ramp-down" : "steady";
    },
    parseDuration,
  };
  return { ...module, default: module };
}

function parseDuration(text: string): number {
  const units: Readonly<Record<string, number>> = { d: 864e5, h: 36e5, m: 6e4, s: 1e3, ms: 1 };
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|d|h|m|s)?/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * units[unit ?? "ms"]!,
    0,
  );
}
