import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import type { Batch } from "./payload/batches.ts";
import type { CommandResult } from "./pool/index.ts";
import type { Preferences } from "./preferences.ts";
import type { QueryParameter, QueryShape } from "./query/query-string.ts";
import { bind } from "./read.ts";
import type { ReadTarget } from "./read-plan.ts";
import type { TransactionMode } from "./run-transaction.ts";
import { makeWritePlan, type WriteContext, type WritePlan } from "./write-plan.ts";
import { createWriteCheck, toWriteReply, writtenCount } from "./write-reply.ts";

/** An insert whose content is longer than what is held at a time. */
export interface BulkInsert {
  readonly request: SourceRequest;
  readonly target: ReadTarget;
  readonly preferences: Preferences;
  readonly parameters: readonly QueryParameter[];
  readonly shape: QueryShape;
  readonly columns: readonly string[] | null;
  readonly batches: AsyncGenerator<Batch, void>;
  readonly end: TransactionMode["end"];
}

/** Most characters of rows that are answered: they are held until the commit is confirmed. */
const MAX_ANSWERED_CHARACTERS = 16 * 1024 * 1024;
const NOTHING: ReadonlySet<string> = new Set();

/** Inserts one batch after another in one transaction; while the database stores one, the next is read. */
export async function insertInBulk(context: WriteContext, insert: BulkInsert): Promise<SourceReply> {
  const { request, target, preferences, parameters, shape, columns, batches, end } = insert;
  try {
    const first = await batches.next();
    const batch: Batch = first.done === true ? { text: "[]", keys: [] } : first.value;
    const names = batch.keys ?? columns ?? [];
    const content = { form: "list", names, missing: NOTHING } as const;
    const plan = await makeWritePlan(context, request, target, preferences, parameters, content);
    if (preferences.representation === "representation" && !plan.isListable) throw unlistable();
    const exchange = { settings: context.settings, request, target, preferences, plan };
    const check = createWriteCheck(exchange);
    const toCommand = ({ text }: Batch) =>
      bind(plan.compiled.main, { operands: shape.operands, cursor: [], content: text }, parameters);
    const tally = createTally(plan);
    let isBegun = false;
    const mode: TransactionMode = {
      access: "read write",
      end,
      async proceed(results, step) {
        // What has been read is gone: on another server it cannot be done again.
        if (isBegun) throw new HotpathError("HP_UNAVAILABLE", "The database has moved to another server meanwhile.");
        isBegun = true;
        tally.add(results);
        let ahead = readAhead(batches);
        for (let next = await ahead; next.done !== true; next = await ahead) {
          ahead = readAhead(batches);
          tally.add(await step([toCommand(next.value)]));
        }
        check?.(tally.results());
        return [];
      },
    };
    const { schema, name } = target.relation;
    const scope = { schema, target: name, timezone: preferences.timezone ?? null };
    await context.run(request, scope, [toCommand(batch)], mode);
    return toWriteReply(exchange, tally.results());
  } finally {
    await batches.return();
  }
}

function readAhead(batches: AsyncGenerator<Batch, void>): Promise<IteratorResult<Batch, void>> {
  const ahead = batches.next();
  // Waited for only when the batch before it is stored; it may fail earlier.
  ahead.catch(() => undefined);
  return ahead;
}

function unlistable(): HotpathError {
  const message =
    "Rows that are stored piece by piece are answered as a plain JSON list, in the order in which they came.";
  return new HotpathError("HP_REPLY_TOO_LARGE", message);
}

/** Sums up what the batches answered, as if it had been one. */
function createTally(plan: WritePlan): {
  add(results: readonly CommandResult[]): void;
  results(): readonly CommandResult[];
} {
  const { answers, layout } = plan.compiled;
  let count = 0;
  let last: readonly (string | null)[] = [];
  const bodies: string[] = [];
  let characters = 0;
  return {
    add(results) {
      count += writtenCount(plan, results);
      last = results[0]?.rows[0] ?? [];
      const rows = layout.body === -1 ? "" : (last[layout.body] ?? "[]").slice(1, -1);
      if (rows === "") return;
      characters += rows.length;
      if (characters > MAX_ANSWERED_CHARACTERS) {
        throw new HotpathError(
          "HP_REPLY_TOO_LARGE",
          `The rows to be answered have more than ${MAX_ANSWERED_CHARACTERS} characters.`,
        );
      }
      bodies.push(rows);
    },
    results() {
      if (answers === "tag") return [{ rows: [], tag: `INSERT 0 ${count}` }];
      // What was set for the reply, and how many rows were merged, is as the last batch left it.
      const row = [...last];
      row[layout.count] = String(count);
      if (layout.body !== -1) row[layout.body] = `[${bodies.join(", \n ")}]`;
      return [{ rows: [row], tag: "" }];
    },
  };
}
