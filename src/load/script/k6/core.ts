import type { TagLookup } from "../../metrics.ts";
import type { Vu } from "../vu.ts";

const NO_TAGS: Readonly<Record<string, string>> = {};

/** Tags of a check. */
class CheckTags implements TagLookup {
  name = "";
  given = NO_TAGS;
  outer = NO_TAGS;

  of(name: string): string | undefined {
    return name === "check" ? this.name : (this.given[name] ?? this.outer[name]);
  }
}

/** `k6`: check, group, sleep, fail. */
export function createCore(vu: Vu) {
  const { process } = vu;
  const checkTags = new CheckTags();
  const count = (name: string, passed: boolean, tags: Readonly<Record<string, string>>): void => {
    process.checks.count(vu.group, name, passed);
    checkTags.name = name;
    checkTags.given = tags;
    checkTags.outer = vu.tags;
    process.own.checks.addBy(passed ? 1 : 0, checkTags);
  };

  const check = (
    value: unknown,
    sets: Readonly<Record<string, unknown>>,
    tags: Readonly<Record<string, string>> = NO_TAGS,
  ): unknown => {
    if (typeof sets !== "object" || sets === null) throw new TypeError("check() takes an object of checks");
    const waiting: Promise<boolean>[] = [];
    let all = true;
    for (const name of Object.keys(sets)) {
      const condition = sets[name];
      let result: unknown;
      try {
        result = typeof condition === "function" ? (condition as (value: unknown) => unknown)(value) : condition;
      } catch (error) {
        count(name, false, tags);
        throw error;
      }
      if (result instanceof Promise) {
        waiting.push(
          result.then((found) => {
            count(name, Boolean(found), tags);
            return Boolean(found);
          }),
        );
      } else {
        count(name, Boolean(result), tags);
        all &&= Boolean(result);
      }
    }
    return waiting.length === 0 ? all : Promise.all(waiting).then((found) => found.every(Boolean) && all);
  };

  const group = (name: string, run: () => unknown): unknown => {
    if (typeof run !== "function") throw new TypeError("group() takes a name and a function");
    const outer = vu.group;
    const outerTag = vu.tags["group"];
    vu.group = `${outer}::${name}`;
    vu.tags["group"] = vu.group;
    const startedAt = performance.now();
    const leave = (): void => {
      process.own.groupDuration.add(performance.now() - startedAt, vu.tags);
      vu.group = outer;
      vu.tags["group"] = outerTag ?? "";
    };
    let result: unknown;
    try {
      result = run();
    } catch (error) {
      leave();
      throw error;
    }
    if (result instanceof Promise) return result.finally(leave);
    leave();
    return result;
  };

  const module = {
    check,
    group,
    sleep: async (seconds: number): Promise<void> => vu.pause(Math.max(0, seconds || 0) * 1000),
    fail: (message?: string): never => {
      throw new Error(message ?? "fail() was called");
    },
    /** Randomness is not seeded: results of load tests do not depend on it. */
    randomSeed: (): void => undefined,
  };
  return { ...module, default: module };
}
