import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import type { SourceRequest } from "../../src/api/source-request.ts";
import { ANONYMOUS } from "../../src/auth/identity.ts";
import { createPriority, PRIORITIES, PRIORITY_RULE, type Priority } from "../../src/overload/priority.ts";
import { type Refusal, type Ticket, WaitingRoom } from "../../src/overload/waiting-room.ts";

const SHARES = { high: 50, normal: 30, low: 5 };

/** A room with a clock of its own, and what became of those who waited. */
function createRoom(options: { readonly delayMs?: number; readonly maxWaiting?: number } = {}) {
  const made = {
    nowMs: 1000,
    names: new Map<Ticket, string>(),
    outcomes: [] as string[],
    enter(name: string, priority: Priority = "normal"): Ticket {
      const settle = (refusal: Refusal | undefined): void => void made.outcomes.push(`${name} ${refusal ?? "served"}`);
      const links = { previous: undefined, next: undefined, isWaiting: false };
      const ticket: Ticket = { priority, since: made.nowMs, settle, ...links };
      made.names.set(ticket, name);
      room.enter(ticket);
      return ticket;
    },
    next(): string | undefined {
      const ticket = room.next();
      return ticket && made.names.get(ticket);
    },
  };
  const { delayMs = 100, maxWaiting = 1000 } = options;
  const clock = (): number => made.nowMs;
  const room = new WaitingRoom({ delayMs, standingDelayMs: () => 10, maxWaiting, shares: SHARES, clock });
  return { ...made, made, room };
}

describe("requests that wait", () => {
  it("are served in the order they came, however long they wait within their time", () => {
    const { made, room } = createRoom();
    made.enter("0");
    for (let turn = 0; turn < 20; turn++) {
      made.enter(String(turn + 1));
      made.nowMs += turn % 2 === 0 ? 99 : 0;
      assert.equal(made.next(), String(turn));
      assert.equal(room.size, 1);
    }
    assert.deepEqual(made.outcomes, []);
  });

  it("are served newest first, and wait hardly any longer, from when one waited in vain until nobody has for as long", () => {
    const { made, room } = createRoom();
    made.enter("a");
    made.nowMs += 95;
    for (const name of ["b", "c", "d"]) made.enter(name);
    made.nowMs += 5;
    assert.equal(made.next(), "d", "a is late");
    made.nowMs += 5;
    made.enter("e");
    assert.equal(made.next(), "e", "b and c are late: nobody waits for more than 10 ms now");
    assert.equal(room.size, 0);
    assert.deepEqual(made.outcomes, ["a late", "b late", "c late"]);
    made.nowMs += 100;
    for (const name of ["f", "g"]) made.enter(name);
    made.nowMs += 50;
    assert.deepEqual([made.next(), made.next()], ["f", "g"]);
  });

  it("are refused in time though nobody's turn comes", async () => {
    const { made, room } = createRoom({ delayMs: 1 });
    const late = new Promise<void>((resolve) => {
      const check = (): void => void (made.outcomes.length === 2 ? resolve() : setImmediate(check));
      check();
    });
    made.enter("a");
    made.enter("b");
    made.nowMs += 1;
    // The room's own timer keeps no process alive; a server's listener does.
    const alive = setInterval(() => undefined, 1000);
    await late;
    clearInterval(alive);
    assert.deepEqual(made.outcomes, ["a late", "b late"]);
    assert.equal(room.size, 0);
  });

  it("that are too many are refused from the least important, oldest first", () => {
    const { made, room } = createRoom({ maxWaiting: 3 });
    made.enter("l1", "low");
    made.enter("n1");
    made.enter("l2", "low");
    made.enter("h1", "high");
    made.enter("h2", "high");
    made.enter("l3", "low");
    made.enter("h3", "high");
    assert.deepEqual(made.outcomes, ["l1 crowded", "l2 crowded", "l3 crowded", "n1 crowded"]);
    assert.equal(room.waiting("high"), 3);
  });

  it("leave at any moment, once", () => {
    const { made, room } = createRoom();
    const [, b] = ["a", "b", "c"].map((name) => made.enter(name));
    room.leave(b!);
    room.leave(b!);
    assert.equal(room.size, 2);
    assert.deepEqual([made.next(), made.next(), made.next()], ["a", "c", undefined]);
  });
});

describe("turns of a room that is always full", () => {
  it("go to each priority by its share, and what is over to the most important", () => {
    const { made } = createRoom();
    const turns = { high: 0, normal: 0, low: 0 };
    for (const priority of PRIORITIES) for (let at = 0; at < 3; at++) made.enter(priority, priority);
    for (let turn = 0; turn < 1000; turn++) {
      const priority = made.next() as Priority;
      turns[priority]++;
      made.enter(priority, priority);
    }
    assert.ok(turns.normal >= 298 && turns.low >= 48 && turns.high >= 640, JSON.stringify(turns));
  });

  it("are never fewer than a share for whoever always waits, whatever the others do", () => {
    const steps = fc.array(fc.record({ high: fc.boolean(), normal: fc.boolean(), low: fc.boolean() }), {
      minLength: 200,
      maxLength: 400,
    });
    fc.assert(
      fc.property(fc.constantFrom(...PRIORITIES), steps, (always, given) => {
        const { made } = createRoom();
        let had = 0;
        made.enter(always, always);
        for (const step of given) {
          for (const priority of PRIORITIES) if (step[priority]) made.enter(priority, priority);
          if (made.next() !== always) continue;
          had++;
          made.enter(always, always);
        }
        const due = Math.floor((given.length * SHARES[always]) / 100) - 3;
        assert.ok(had >= due, `${had} of ${given.length} turns, ${due} are due`);
      }),
    );
  });
});

function request(given: Partial<SourceRequest>): SourceRequest {
  return { method: "GET", path: "/", headers: {}, remoteAddress: "192.0.2.1", identity: ANONYMOUS, ...given } as never;
}

describe("priority", () => {
  it("is what the first rule says that is for a request", () => {
    const rules = [
      "low=/reports/*",
      "high=claim:plan=pro",
      "high=POST /orders",
      "normal=/health",
      "low=reads",
      "high=writes",
    ];
    for (const rule of rules) assert.match(rule, PRIORITY_RULE);
    const of = createPriority({ rules, trustedCallers: [] });
    const pro = { ...ANONYMOUS, claims: { plan: "pro" } };
    assert.equal(of(request({ path: "/reports/1", identity: pro })), "low");
    assert.equal(of(request({ path: "/users", identity: pro })), "high");
    assert.equal(of(request({ path: "/orders", method: "POST" })), "high");
    assert.equal(of(request({ path: "/orders" })), "low");
    assert.equal(of(request({ path: "/orders", method: "DELETE" })), "high");
    assert.equal(of(request({ path: "/health" })), "normal");
    assert.equal(of(request({ path: "/orders", method: "POST", isUnattended: true })), "low");
  });

  it("may be lowered by anyone and raised by who is trusted, by RFC 9218", () => {
    const of = createPriority({ rules: [], trustedCallers: ["10.0.0.0/8"] });
    const asked = (priority: string, remoteAddress = "192.0.2.1"): Priority =>
      of(request({ headers: { priority }, remoteAddress }));
    assert.equal(asked("u=0"), "normal");
    assert.equal(asked("u=0, i", "10.1.2.3"), "high");
    assert.equal(asked("i, u=2", "::ffff:10.1.2.3"), "high");
    assert.equal(asked("u=3", "10.1.2.3"), "normal");
    assert.equal(asked("u=5"), "normal");
    assert.equal(asked("i,u=7"), "low");
    for (const odd of ["", "u=9", "u=77", "u=-1", "urgent"]) assert.equal(asked(odd, "10.1.2.3"), "normal", odd);
  });
});
