import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadRequest, LoadResult } from "./load-request.ts";
import { runTool } from "./run-tool.ts";

const RESULT = "bench-result ";

/** `wrk` with one thread: all requests are rendered before the start, so that a request costs it a table lookup. */
export async function loadWithWrk(request: LoadRequest): Promise<LoadResult> {
  const script = join(request.folder, "requests.lua");
  const list = join(request.folder, "paths");
  const { paths, headers, write } = request;
  const lines = paths.map((path, index) => `${toLine(path, write?.contents[index] ?? "", headers?.[index])}\n`);
  await writeFile(list, lines.join(""));
  await writeFile(script, scriptFor(list, write?.method ?? "GET", request.isDistinct));
  const words = ["-t1", `-c${request.connections}`, `-d${request.seconds}s`, "--timeout", "10s", "--latency"];
  const url = `http://127.0.0.1:${request.port}`;
  const printed = await runTool("wrk", [...words, "-s", script, url], request.signal, request.core);
  const line = printed.split("\n").find((each) => each.startsWith(RESULT));
  if (line === undefined) throw new Error(`wrk printed no result: ${printed}`);
  return JSON.parse(line.slice(RESULT.length)) as LoadResult;
}

/** A path, content, and names and values of header fields, parted by tabs. */
function toLine(path: string, content: string, headers: Readonly<Record<string, string>> = {}): string {
  return [path, content, ...Object.entries(headers).flat()].join("\t");
}

function scriptFor(list: string, method: string, isDistinct: boolean): string {
  return `
local requests = {}
local sent = 0

function init()
  for line in io.lines(${JSON.stringify(list)}) do
    local path, content, rest = line:match("^([^\\t]+)\\t([^\\t]*)(.*)$")
    local headers = {}
    local method = "${method}"
    if content == "" then content, method = nil, "GET" end
    for name, value in rest:gmatch("\\t([^\\t]+)\\t([^\\t]+)") do headers[name] = value end
    requests[#requests + 1] = wrk.format(method, path, headers, content)${isDistinct ? ':sub(1, -3) .. "x-request: "' : ""}
  end
end

function request()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]${isDistinct ? ' .. sent .. "\\r\\n\\r\\n"' : ""}
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '${RESULT}{"requests":%d,"seconds":%.6f,"failures":%d,"p50Ms":%.3f,"p99Ms":%.3f,"bytes":%d}\\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.bytes))
end
`;
}
