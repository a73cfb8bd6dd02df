import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { SharedBody } from "../../src/client/shared-body.ts";

const MAX_BYTES = 4096;
/** The source gives one beyond the limit, and a reader has one in its hands before it is counted here. */
const LARGEST_CHUNK = 2000;
/** No run waits this long: a reader that would be cut off for standing still is stuck instead, and fails the test. */
const IDLE_MS = 20_000;

interface Scenario {
  /** Lengths of what the source gives. */
  readonly chunks: readonly number[];
  readonly breaksOff: boolean;
  /** How many parts each reader takes before it leaves; those of more take all. */
  readonly readers: readonly number[];
  /** Which reader reads next. */
  readonly turns: readonly number[];
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  chunks: fc.array(fc.integer({ min: 0, max: LARGEST_CHUNK }), { maxLength: 12 }),
  breaksOff: fc.boolean(),
  readers: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 4 }),
  turns: fc.array(fc.nat(), { maxLength: 40 }),
});

await test("every reader gets the whole content or the source's error, at any pace, in bounded memory", async () => {
  await fc.assert(fc.asyncProperty(scenario, play), { numRuns: 300 });
});

async function play({ chunks, breaksOff, readers, turns }: Scenario): Promise<void> {
  const content = Uint8Array.from({ length: chunks.reduce((sum, length) => sum + length, 0) }, (_, at) => at % 251);
  const failure = new Error("broken off");
  let given = 0;
  let next = 0;
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const length = chunks[next++];
        if (length !== undefined) controller.enqueue(content.slice(given, (given += length)));
        else if (breaksOff) controller.error(failure);
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const controller = new AbortController();
  const body = new SharedBody(source, { maxBytes: MAX_BYTES, idleTimeoutMs: IDLE_MS }, controller.signal);
  let left = readers.length;
  const states = readers.map((parts) => {
    const stream = body.open(undefined, () => {
      if (--left === 0) controller.abort(new Error("nobody is left"));
    });
    return { reader: stream.getReader(), parts, position: 0, isOver: false, reading: Promise.resolve() };
  });
  const readOne = async (state: (typeof states)[number]): Promise<void> => {
    if (state.isOver) return;
    if (state.parts-- === 0) {
      state.isOver = true;
      return state.reader.cancel();
    }
    try {
      const { done, value } = await state.reader.read();
      if (done) {
        assert.ok(!breaksOff && state.position === content.length, "the end comes at the end");
        state.isOver = true;
        return;
      }
      assert.deepEqual(value, content.slice(state.position, state.position + value.length));
      // Whoever changes what it got changes nothing for others.
      value.fill(255);
      state.position += value.length;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.equal(error, failure);
      state.isOver = true;
    }
    const slowest = Math.min(...states.filter(({ isOver }) => !isOver).map(({ position }) => position));
    const ahead = given - slowest;
    assert.ok(slowest === Infinity || ahead < MAX_BYTES + 2 * LARGEST_CHUNK, `${ahead} bytes are held`);
  };
  const turn = (state: (typeof states)[number]): void => {
    state.reading = state.reading.then(async () => readOne(state));
  };
  for (const each of turns) {
    const state = states[each % states.length];
    if (state !== undefined) turn(state);
  }
  // Then all at once to their ends, so that nobody waits for somebody who stands still.
  for (const state of states) for (let part = 0; part < 22; part++) turn(state);
  await Promise.all(states.map(async ({ reading }) => reading));
  assert.ok(states.every(({ isOver }) => isOver));
  const whole = await body.whole;
  const tookAll = !breaksOff && states.some(({ position }) => position === content.length);
  if (whole !== undefined) assert.deepEqual(whole, content);
  else if (tookAll) assert.ok(content.length >= MAX_BYTES || left === 0, "what is small enough is kept");
  assert.equal(left, 0);
}
