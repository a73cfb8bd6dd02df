import type { MountedSource } from "../api/definition.ts";
import type { AskedStatement } from "../api/source.ts";

/** What the sources lack for what they were asked, by where they are mounted. */
export type Advisor = () => Promise<readonly { readonly path: string; readonly advice: object }[]>;

/** Looks only when somebody asks, and once for all who ask meanwhile: it takes the database some work. */
export function createAdvisor(
  sources: readonly MountedSource[],
  asked: () => readonly AskedStatement[],
): Advisor | undefined {
  const advising = sources.filter(({ source }) => source.advise !== undefined);
  if (advising.length === 0) return undefined;
  let current: ReturnType<Advisor> | undefined;
  const look: Advisor = async () => {
    const statements = asked();
    const advices = [];
    for (const { path, source } of advising) advices.push({ path, advice: (await source.advise?.(statements)) ?? {} });
    return advices;
  };
  return () =>
    (current ??= look().finally(() => {
      current = undefined;
    }));
}
