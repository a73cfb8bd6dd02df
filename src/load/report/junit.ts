import type { LoadResult } from "../result.ts";

/** Thresholds and checks as test cases, for the reports of CI systems. */
export function renderJunit(result: LoadResult): string {
  const cases = [
    ...result.thresholds.map(({ metric, condition, passed, value }) => ({
      suite: "thresholds",
      name: `${metric} ${condition}`,
      failure: passed ? undefined : `it was ${value ?? "not counted"}`,
    })),
    ...result.checks.map(({ group, name, passes, fails }) => ({
      suite: group === "" ? "checks" : `checks${group.replaceAll("::", " / ")}`,
      name,
      failure: fails === 0 ? undefined : `${fails} of ${passes + fails} failed`,
    })),
    ...(result.aborted === undefined
      ? []
      : [{ suite: "run", name: "to its end", failure: `ended before its time: ${result.aborted}` }]),
  ];
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const lines = cases.map(({ suite, name, failure }) => {
    const open = `    <testcase classname="${escape(suite)}" name="${escape(name)}"`;
    return failure === undefined ? `${open}/>` : `${open}><failure message="${escape(failure)}"/></testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${cases.length}" failures="${failures}" time="${result.seconds.toFixed(3)}">`,
    `  <testsuite name="${escape(result.title)}" tests="${cases.length}" failures="${failures}" timestamp="${result.startedAt}">`,
    ...lines,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

function escape(text: string): string {
  return [...text.matchAll(/[\s\S]/gu)]
    .map(([letter]) => ENTITIES[letter] ?? (letter.codePointAt(0)! < 32 ? " " : letter))
    .join("");
}
