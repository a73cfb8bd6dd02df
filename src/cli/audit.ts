import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { HotpathError } from "../errors.ts";
import type { Audit } from "../audit/audit.ts";
import type { Target } from "../audit/targets.ts";
import type { Command } from "./command.ts";

const DEFAULT_REQUESTS = 400;
const MOST_REQUESTS = 5000;
const FETCH_TIMEOUT_MS = 15_000;

/** `hotpath audit`: what any HTTP API leaves undone that would make it faster. */
export const audit: Command = {
  name: "audit",
  summary: "Look at any HTTP API from outside: what it leaves undone that would make it faster, with evidence.",
  usage: ["audit URL [--openapi URL|FILE] [--header 'Authorization: Bearer …'] [--html report.html]"],
  positionals: [
    {
      name: "URL",
      description: "A resource of the API, or where it begins. Only its host is asked, and only by GET and HEAD.",
    },
  ],
  flags: [
    {
      name: "openapi",
      value: "DOCUMENT",
      description: "OpenAPI document, a file or a URL on the same host: which resources there are.",
    },
    {
      name: "header",
      value: "FIELD",
      description:
        "Sent with each request, as Name: value; several are separated by line breaks. HOTPATH_AUDIT_HEADER keeps it out of the process list.",
    },
    { name: "requests", value: "NUMBER", description: `How many requests it may send in all. [${DEFAULT_REQUESTS}]` },
    { name: "html", value: "FILE", description: "Also write a report there: one page that needs nothing else." },
    { name: "json", description: "Everything, as JSON." },
    { name: "fail-under", value: "SCORE", description: "End with status 1 when the score is lower: for CI." },
    { name: "insecure", description: "Believe any certificate: for servers of your own." },
  ],
  scopes: [],
  examples: [
    "hotpath audit http://localhost:3000/orders",
    "hotpath audit https://api.example/v1 --openapi https://api.example/openapi.json --html report.html",
  ],
  async run({ positionals, own, environment, directory, terminal }) {
    const url = parseUrl(positionals[0]);
    const headers = parseHeaders(String(own.get("header") ?? environment["HOTPATH_AUDIT_HEADER"] ?? ""));
    const maxRequests = numberOf(own.get("requests"), "requests", DEFAULT_REQUESTS, MOST_REQUESTS);
    const least = numberOf(own.get("fail-under"), "fail-under", 0, 100);
    const isInsecure = own.get("insecure") === true;
    const { auditApi } = await import("../audit/audit.ts");
    const targets = await findTargets(url, own.get("openapi"), directory, headers);
    const found = await auditApi(url, targets, {
      maxRequests,
      headers,
      isInsecure,
      onProgress: (line) => {
        if (terminal.isInteractive) terminal.err(`${terminal.dim(`looking at ${line}`)}\n`);
      },
    });
    if (own.get("json") === true) {
      const { toJson } = await import("../audit/report-json.ts");
      terminal.out(`${JSON.stringify(toJson(found), null, 2)}\n`);
    } else {
      const { formatAudit } = await import("../audit/report-text.ts");
      terminal.out(
        formatAudit(found, {
          bold: (text) => terminal.bold(text),
          dim: (text) => terminal.dim(text),
          red: (text) => terminal.red(text),
        }),
      );
    }
    const page = own.get("html");
    if (typeof page === "string") {
      const { auditPage } = await import("../audit/report-html.ts");
      await writeFile(resolve(directory, page), auditPage(found));
    }
    judge(found, least);
  },
};

function judge({ targets, score, unanswered, stopped }: Audit, least: number): void {
  if (targets.length === 0) {
    const why =
      unanswered[0] === undefined ? (stopped ?? "nothing was asked") : `${unanswered[0].target}: ${unanswered[0].why}`;
    throw new HotpathError("HP_AUDIT_FAILED", `Nothing could be looked at. ${why}`);
  }
  if (score < least) {
    throw new HotpathError("HP_AUDIT_FAILED", `The score is ${score}, and --fail-under says ${least}.`, {
      todo: "Mend what the report names, or ask for less.",
    });
  }
}

function parseUrl(text: string | undefined): URL {
  if (text === undefined || !URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new HotpathError(
      "HP_ARGUMENT_INVALID",
      text === undefined ? "No API was named." : "The argument is no http or https URL.",
      {
        todo: "Name one: hotpath audit http://localhost:3000/orders",
      },
    );
  }
  return new URL(text);
}

function parseHeaders(text: string): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const line of text.split(/\r?\n/).filter((each) => each.trim() !== "")) {
    const [, name, value] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new HotpathError("HP_OPTION_INVALID", "--header is not of the form Name: value.", {
        todo: "Write it as --header 'Authorization: Bearer …'",
      });
    }
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function numberOf(given: string | boolean | undefined, name: string, standard: number, most: number): number {
  if (given === undefined) return standard;
  const number = Number(given);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new HotpathError("HP_OPTION_INVALID", `--${name} takes a whole number from 1 to ${most}.`);
}

async function findTargets(
  url: URL,
  openapi: string | boolean | undefined,
  directory: string,
  headers: Readonly<Record<string, string>>,
): Promise<readonly Target[]> {
  const own: Target = { path: url.pathname + url.search, parameters: [] };
  if (typeof openapi !== "string") return [own];
  const { MAX_TARGETS, targetsOf } = await import("../audit/targets.ts");
  const described = targetsOf(await readDocument(url, openapi, directory, headers), url.pathname);
  // A description of what was named beats the bare name.
  const known = described.find(({ path }) => path === own.path);
  const first = known ?? (url.pathname === "/" && described.length > 0 ? [] : [own]);
  const rest = described.filter((target) => target !== known);
  return [...(Array.isArray(first) ? first : [first]), ...rest].slice(0, MAX_TARGETS);
}

async function readDocument(
  url: URL,
  openapi: string,
  directory: string,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  const isUrl = /^https?:\/\//.test(openapi);
  if (isUrl && new URL(openapi).origin !== url.origin) {
    throw new HotpathError(
      "HP_ARGUMENT_INVALID",
      "--openapi is on another host than the API: only the named one is asked.",
      {
        todo: "Save the document, and name the file.",
      },
    );
  }
  try {
    if (!isUrl) return JSON.parse(await readFile(resolve(directory, openapi), "utf8")) as unknown;
    const response = await fetch(openapi, {
      headers: { accept: "application/json", ...headers },
      redirect: "error",
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
    return await response.json();
  } catch (cause) {
    throw new HotpathError("HP_ARGUMENT_INVALID", "--openapi: the document cannot be read as JSON.", {
      cause,
      todo: "Name a file or a URL that holds OpenAPI as JSON.",
    });
  }
}
