import { type Audit, type Result, UNSEEN } from "./audit.ts";
import type { Exchange } from "./exchange.ts";
import { FIXES } from "./fixes.ts";
import type { Finding } from "./finding.ts";
import { toEvidence } from "./report-json.ts";
import { AUDIT_STYLE } from "./report-style.ts";

/** The audit as one page that needs nothing else. */
export function auditPage(audit: Audit): string {
  const found = audit.results.filter(({ state }) => state === "found");
  const passed = audit.results.filter(({ state }) => state === "passed");
  const untried = audit.results.filter(({ state }) => state === "not tried");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(audit.origin)}: ${audit.score} of 100</title>
<style>${AUDIT_STYLE}</style>
</head>
<body>
<header>
${dial(audit.score)}
<div>
<p class="kind">API audit</p>
<h1>${escape(audit.origin)}</h1>
<p class="muted">${audit.requests} requests to ${count(audit.targets.length, "resource")}, ${escape(audit.at.replace("T", " ").slice(0, 16))} UTC</p>
<ul class="tally">${tally(found, passed, untried)}</ul>
</div>
</header>
${audit.stopped === undefined ? "" : `<p class="stopped">Ended early: ${escape(audit.stopped)}.</p>`}
<main>
${found.length === 0 ? `<p class="fine">${audit.targets.length === 0 ? "Nothing answered." : "Nothing was found."}</p>` : found.map(foundSection).join("\n")}
</main>
<section class="rest">
${passed.length === 0 ? "" : `<h2>In order</h2><ul class="chips">${passed.map(({ check }) => `<li title="${escape(check.source)}">${escape(check.title)} <span>${escape(check.technique)}</span></li>`).join("")}</ul><p class="muted">Each names what was looked for and not found.</p>`}
${untried.length === 0 ? "" : `<h2>Not tried</h2><dl>${untried.map(({ check, why }) => `<div><dt>${escape(check.title)}</dt><dd>${escape(why ?? "")}</dd></div>`).join("")}</dl>`}
<h2>Looked at</h2><ul class="targets">${audit.targets.map((target) => `<li><code>${escape(target)}</code></li>`).join("")}${audit.unanswered.map(({ target, why }) => `<li><code>${escape(target)}</code> <span class="muted">${escape(why)}</span></li>`).join("")}</ul>
<p class="muted">Not to be seen from outside: ${escape(UNSEEN)}.</p>
</section>
</body>
</html>
`;
}

function dial(score: number): string {
  const rim = 2 * Math.PI * 44;
  const grade = score >= 85 ? "good" : score >= 60 ? "fair" : "poor";
  return `<svg class="dial ${grade}" viewBox="0 0 100 100" role="img" aria-label="${score} of 100"><circle cx="50" cy="50" r="44"/><circle class="part" cx="50" cy="50" r="44" stroke-dasharray="${((rim * score) / 100).toFixed(1)} ${rim.toFixed(1)}" transform="rotate(-90 50 50)"/><text x="50" y="54">${score}</text><text class="of" x="50" y="70">of 100</text></svg>`;
}

function tally(found: readonly Result[], passed: readonly Result[], untried: readonly Result[]): string {
  const of = (severity: string): number => found.filter(({ check }) => check.severity === severity).length;
  const parts = [
    ...(["high", "medium", "low"] as const).map((severity) => ({
      number: of(severity),
      name: severity,
      kind: severity as string,
    })),
    { number: passed.length, name: "in order", kind: "passed" },
    { number: untried.length, name: "not tried", kind: "untried" },
  ];
  return parts.map(({ number, name, kind }) => `<li class="${kind}"><b>${number}</b> ${name}</li>`).join("");
}

function foundSection({ check, points, findings }: Result): string {
  const fix = FIXES[check.name];
  const fixes = [
    ["hotpath", fix.hotpath],
    ["nginx", fix.nginx],
    ["Express", fix.express],
    ["Fastify", fix.fastify],
  ] as const;
  return `<article class="${check.severity}">
<h2>${escape(check.title)} <span class="points">-${points}</span></h2>
<p class="muted">${escape(check.technique)} · ${escape(check.severity)} · ${escape(check.source)}</p>
${findings.map(finding).join("\n")}
<h3>What to do</h3>
<dl class="fixes">${fixes.map(([name, text]) => `<div><dt>${name}</dt><dd>${rich(text)}</dd></div>`).join("")}</dl>
</article>`;
}

function finding({ target, seen, gain, evidence }: Finding): string {
  const shown =
    evidence.length === 0
      ? ""
      : `<details><summary>Evidence: ${count(evidence.length, "exchange")}</summary>${evidence.map(exchange).join("")}</details>`;
  return `<div class="finding"><code class="target">${escape(target)}</code><p>${rich(seen)}</p><p class="gain"><b>At stake</b> ${escape(gain)}</p>${shown}</div>`;
}

function exchange(each: Exchange): string {
  const { request, reply } = toEvidence(each) as {
    request: { headers: Record<string, string> };
    reply: { headers: Record<string, string>; bytes: number; ms: number };
  };
  const text = `${each.method} ${each.target}\n${fieldLines(request.headers)}\n\n${each.status}\n${fieldLines(reply.headers)}\n\n${reply.bytes} bytes of content, after ${reply.ms} ms`;
  return `<pre>${escape(text)}</pre>`;
}

function fieldLines(fields: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(fields).map(
    ([name, value]) => `${name}: ${Array.isArray(value) ? value.join(", ") : String(value)}`,
  );
  return lines.join("\n");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** What stands between backticks is code. */
function rich(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
