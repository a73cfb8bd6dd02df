import { setImmediate } from "node:timers/promises";

/** A JSON object whose members are made as they are written, each name once: what comes first stands. */
export class Members {
  readonly make: () => Iterable<readonly [name: string, value: unknown]>;

  constructor(make: () => Iterable<readonly [name: string, value: unknown]>) {
    this.make = make;
  }
}

/** A document of thousands of tables takes a second to make: others have their turn after this long. */
const SLICE_MS = 2;

/** Writes a document as JSON, member by member. */
export async function writeDocument(document: Members): Promise<Buffer> {
  const written: Buffer[] = [];
  let text = "";
  let sliceEnd = performance.now() + SLICE_MS;
  await write(document);
  return Buffer.concat([...written, Buffer.from(text)]);

  async function write({ make }: Members): Promise<void> {
    const names = new Set<string>();
    for (const [name, value] of make()) {
      if (names.has(name)) continue;
      text += `${names.size === 0 ? "{" : ","}${JSON.stringify(name)}:`;
      names.add(name);
      if (value instanceof Members) await write(value);
      else text += JSON.stringify(value);
      if (performance.now() > sliceEnd) await endSlice();
    }
    text += names.size === 0 ? "{}" : "}";
  }

  async function endSlice(): Promise<void> {
    written.push(Buffer.from(text));
    text = "";
    await setImmediate();
    sliceEnd = performance.now() + SLICE_MS;
  }
}
