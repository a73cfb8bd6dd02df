import { renderJunit } from "../../report/junit.ts";
import { PLAIN_STYLE, renderSummary } from "../../report/summary.ts";
import { formatMs } from "../../report/values.ts";
import type { LoadResult } from "../../result.ts";

/** What k6's library `k6-summary` offers. The result itself travels with the data that `handleSummary` is given. */
export function createSummaryLibrary() {
  const module = {
    textSummary(data: unknown, options: { readonly enableColors?: boolean } = {}): string {
      const paint = (code: number) => (text: string) =>
        options.enableColors === true ? `\u001B[${code}m${text}\u001B[0m` : text;
      const { options: given } = data as { options?: { summaryTrendStats?: readonly string[] } };
      return renderSummary(resultOf(data), {
        ...PLAIN_STYLE,
        green: paint(32),
        red: paint(31),
        bold: paint(1),
        dim: paint(2),
        ...(given?.summaryTrendStats !== undefined && { statistics: given.summaryTrendStats }),
      });
    },
    jUnit: (data: unknown): string => renderJunit(resultOf(data)),
    humanizeValue: (value: number): string => formatMs(value),
  };
  return { ...module, default: module };
}

function resultOf(data: unknown): LoadResult {
  const { hotpath } = data as { hotpath?: LoadResult };
  if (hotpath === undefined) throw new TypeError("give the data of handleSummary on as it is");
  return hotpath;
}
