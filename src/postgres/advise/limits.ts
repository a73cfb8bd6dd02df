import { tokenize } from "./tokens.ts";

/** Puts a number in place of the parameter behind each LIMIT, and none in place of those behind OFFSET: without them the planner assumes a tenth. */
export function replaceLimits(text: string, limit: number): string {
  const numbers = new Map<number, number>();
  const tokens = tokenize(text);
  let made = "";
  let at = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "parameter") continue;
    const before = tokens[index - 1];
    const number = Number(token.text.slice(1));
    const word = before?.kind === "word" ? before.text : "";
    let put: string;
    if (word === "limit") put = String(limit);
    else if (word === "offset") put = "0";
    else {
      if (!numbers.has(number)) numbers.set(number, numbers.size + 1);
      put = `$${numbers.get(number)}`;
    }
    made += text.slice(at, token.start) + put;
    at = token.end;
  }
  return made + text.slice(at);
}
