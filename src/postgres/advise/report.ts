import type { Gain, IndexAdvice, Proposal } from "./advise.ts";
import type { Verification } from "./probe.ts";

const HOW: Readonly<Record<Verification, string>> = {
  hypopg: "verified by the planner (HypoPG)",
  built: "each built and planned in a transaction that was rolled back",
  estimated: "estimated, not verified: install HypoPG, or allow --build",
};
const MOST_GAINS = 5;
const MOST_SKIPPED = 10;
const TEXT_WIDTH = 110;

/** The advice for a terminal. */
export function formatAdvice(advice: IndexAdvice): string {
  const { origin, verification, statements, load, proposals, foreignKeys, unused, duplicates, skipped } = advice;
  const lines = [`${statements} statements of ${origin}; ${HOW[verification]}`, ""];
  if (proposals.length === 0) lines.push("No index is missing.", "");
  for (const proposal of proposals) lines.push(...formatProposal(proposal, advice.unit), "");
  if (proposals.length > 0) {
    const factor = load.before / Math.max(load.after, 1e-9);
    const unit = advice.unit === "milliseconds" ? "ms in the database" : "of cost (calls x the planner's cost)";
    lines.push(
      `All together: ${number(load.before)} -> ${number(load.after)} ${unit}, ${factor.toFixed(1)} times less.`,
      "",
    );
  }
  if (foreignKeys.length > 0) {
    lines.push(
      "Foreign keys without an index: whoever deletes a row they may refer to waits for the whole table to be read.",
    );
    for (const { table, constraint, references, rows, deleted, ddl } of foreignKeys) {
      lines.push(
        `  ${table} ${constraint} -> ${references}: ${number(rows)} rows, ${number(deleted)} deleted there so far`,
        `    ${ddl}`,
      );
    }
    lines.push("");
  }
  for (const [title, list] of [
    ["Indexes that do the work of others:", duplicates],
    ["Indexes that nothing reads:", unused],
  ] as const) {
    if (list.length === 0) continue;
    lines.push(title);
    for (const { index, bytes, why, ddl } of list) lines.push(`  ${index} (${size(bytes)}): ${why}`, `    ${ddl}`);
    lines.push("");
  }
  if (skipped.length > 0) {
    lines.push("Left out:");
    for (const { what, why, times } of skipped.slice(0, MOST_SKIPPED))
      lines.push(`  ${short(what)} (${times}): ${why}`);
    if (skipped.length > MOST_SKIPPED) lines.push(`  and ${skipped.length - MOST_SKIPPED} more`);
    lines.push("");
  }
  return lines.join("\n");
}

function formatProposal({ ddl, bytes, upkeep, gains }: Proposal, unit: IndexAdvice["unit"]): string[] {
  const upkeepText = `${number(upkeep.changes)} rows changed so far would each have made an entry beside those of ${upkeep.indexes} indexes`;
  const more = gains.length > MOST_GAINS ? [`      and ${gains.length - MOST_GAINS} more`] : [];
  return [
    ddl,
    `    ${size(bytes)}; ${upkeepText}`,
    ...gains.slice(0, MOST_GAINS).flatMap((gain) => formatGain(gain, unit)),
    ...more,
  ];
}

function formatGain({ statement, access, requests, calls, before, after }: Gain, unit: IndexAdvice["unit"]): string[] {
  const name = requests.length > 0 ? requests.join(", ") : short(statement);
  const load = unit === "milliseconds" ? `, ${number(before.load)} -> ${number(after.load)} ms` : "";
  return [
    `      cost ${number(before.cost)} -> ${number(after.cost)}${load} in ${number(calls)} calls${access && `: ${access}`}`,
    `        ${name}`,
  ];
}

function short(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > TEXT_WIDTH ? `${line.slice(0, TEXT_WIDTH)}…` : line;
}

function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : String(Math.round(value * 100) / 100);
}

function size(bytes: number): string {
  return bytes < 1024 * 1024
    ? `${Math.max(1, Math.round(bytes / 1024))} KiB`
    : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
