import { isDeepStrictEqual } from "node:util";
import type { Contestant } from "./contestants.ts";
import { requestTo } from "./server-process.ts";

/** A contestant that can be asked. */
export interface Answering {
  readonly contestant: Contestant;
  readonly port: number;
}

/**
 * Makes sure that all contestants answer the same JSON for each id, whatever its spacing and order of keys.
 * Answers a reply of middling size, for the floor.
 */
export async function assertAgreement(answering: readonly Answering[], ids: readonly number[]): Promise<Buffer> {
  const bodies: Buffer[] = [];
  for (const id of ids) {
    let expected: { name: string; value: unknown } | undefined;
    for (const { contestant, port } of answering) {
      const asked = await contestant.ask?.(port, id);
      const body = asked === undefined ? await fetchBody(contestant, port, id) : Buffer.from(JSON.stringify(asked));
      const json: unknown = body.length === 0 ? null : JSON.parse(body.toString());
      const value = contestant.unwrap === undefined ? json : contestant.unwrap(json);
      if (expected === undefined) {
        expected = { name: contestant.name, value };
        bodies.push(body);
      } else if (!isDeepStrictEqual(value, expected.value)) {
        const given = JSON.stringify(value);
        throw new Error(
          `For id ${id}, ${contestant.name} answers\n${given}\nand ${expected.name}\n${JSON.stringify(expected.value)}`,
        );
      }
    }
  }
  return bodies.sort((a, b) => a.length - b.length)[bodies.length >> 1] ?? Buffer.from("{}");
}

async function fetchBody(
  { program, path: pathOf, headers, write }: Contestant,
  port: number,
  id: number,
): Promise<Buffer> {
  const path = pathOf(id);
  const written = write?.every === undefined ? write : undefined;
  return new Promise((resolve, reject) => {
    const request = requestTo(program, port, path, 10_000, headers?.(id) ?? {}, written?.method);
    request.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const body = Buffer.concat(chunks);
        if (response.statusCode === 200 || (written !== undefined && response.statusCode === 201)) resolve(body);
        else reject(new Error(`${path} answers ${response.statusCode}: ${body.toString().slice(0, 500)}`));
      });
    });
    request.once("error", reject);
    request.end(written?.content(id));
    request.once("timeout", () => request.destroy(new Error(`${path} is not answered`)));
  });
}
