import type { MountedSource } from "../api/definition.ts";
import type { AskedStatement } from "../api/source.ts";

/**
 * What the sources lack for what they were asked, by where they are mounted.
 *
 * @param alsoAsked what other processes asked the same sources
 */
export type Advisor = (
  alsoAsked?: readonly AskedStatement[],
) => Promise<readonly { readonly path: string; readonly advice: object }[]>;

/** Looks only when somebody asks, and once for all who ask meanwhile: it takes the database some work. */
export function createAdvisor(
  sources: readonly MountedSource[],
  asked: () => readonly AskedStatement[],
): Advisor | undefined {
  const advising = sources.filter(({ source }) => source.advise !== undefined);
  if (advising.length === 0) return undefined;
  let current: ReturnType<Advisor> | undefined;
  const look: Advisor = async (alsoAsked = []) => {
    const statements = addUp([...asked(), ...alsoAsked]);
    const advices = [];
    for (const { path, source } of advising) advices.push({ path, advice: (await source.advise?.(statements)) ?? {} });
    return advices;
  };
  return (alsoAsked) =>
    (current ??= look(alsoAsked).finally(() => {
      current = undefined;
    }));
}

function addUp(statements: readonly AskedStatement[]): AskedStatement[] {
  const byText = new Map<string, AskedStatement>();
  for (const { text, calls, ms } of statements) {
    const before = byText.get(text);
    byText.set(text, { text, calls: calls + (before?.calls ?? 0), ms: ms + (before?.ms ?? 0) });
  }
  return [...byText.values()];
}
