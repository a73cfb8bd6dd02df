import { type Audit, UNSEEN } from "./audit.ts";
import { FIXES } from "./fixes.ts";

const MOST_FINDINGS = 3;

/** Emphasis, where the terminal has it. */
export interface Emphasis {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
}

/** The audit for a terminal. */
export function formatAudit(audit: Audit, { bold, dim, red }: Emphasis): string {
  const found = audit.results.filter(({ state }) => state === "found");
  const passed = audit.results.filter(({ state }) => state === "passed");
  const untried = audit.results.filter(({ state }) => state === "not tried");
  const lines = [
    bold(`${audit.origin}: ${audit.score} of 100`),
    `${audit.requests} requests to ${audit.targets.length === 0 ? "nothing that answers" : audit.targets.join(", ")}`,
    ...(audit.stopped === undefined ? [] : [red(`Ended early: ${audit.stopped}.`)]),
    ...audit.unanswered.map(({ target, why }) => `Left out: ${target}: ${why}`),
    "",
  ];
  for (const { check, points, findings } of found) {
    lines.push(`${bold(`-${points}  ${check.title}`)} ${dim(`${check.technique}; ${check.source}`)}`);
    for (const { target, seen, gain } of findings.slice(0, MOST_FINDINGS))
      lines.push(`     ${target}`, `       ${seen}`, `       At stake: ${gain}.`);
    if (findings.length > MOST_FINDINGS) lines.push(`     and ${findings.length - MOST_FINDINGS} more like it`);
    const { hotpath, nginx, express, fastify } = FIXES[check.name];
    lines.push(
      `     hotpath: ${hotpath}`,
      `     nginx:   ${nginx}`,
      `     Express: ${express}`,
      `     Fastify: ${fastify}`,
      "",
    );
  }
  if (passed.length > 0) lines.push(`${bold("In order:")} ${passed.map(({ check }) => check.name).join(", ")}`);
  if (untried.length > 0) lines.push(bold("Not tried:"), ...untried.map(({ check, why }) => `  ${check.name}: ${why}`));
  lines.push(dim(`Not to be seen from outside: ${UNSEEN}`), "");
  return lines.join("\n");
}
