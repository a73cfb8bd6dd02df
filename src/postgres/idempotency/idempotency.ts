import type { PostgresSettings } from "../../api/settings.ts";
import type { SourceReply } from "../../api/source.ts";
import type { SourceRequest } from "../../api/source-request.ts";
import { HotpathError } from "../../errors.ts";
import type { ReplyHeaders } from "../../http/message.ts";
import { impersonate } from "../impersonation.ts";
import type { Command, CommandResult } from "../pool/index.ts";
import type { TransactionMode } from "../run-transaction.ts";
import { fingerprintOf, lockOf, parseIdempotencyKey, scopeOf } from "./key.ts";
import { createKeyTable, type StoredReply, toStoredReply } from "./table.ts";

/**
 * `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a write that is sent again with the key it was sent with is not carried out
 * again, but answered as it was.
 *
 * The reply is stored in the database, in the transaction of the write itself: both are there or neither, whichever node wrote and however
 * it ended. Who has a key at work is known by an advisory lock of that transaction, so that a second request never waits for the first.
 */
export interface Idempotency {
  /**
   * What a request with a key adds to its transaction; undefined for one without, or where that is off.
   *
   * @throws HotpathError HP_IDEMPOTENCY_KEY_INVALID.
   */
  guard(request: SourceRequest, content: string | Uint8Array): IdempotencyGuard | undefined;
  /** Creates the table where it is missing. Rejects with HP_IDEMPOTENCY_UNAVAILABLE. */
  createTable(): Promise<void>;
}

export interface IdempotencyGuard {
  /** Throws a `RepeatedReply`, HP_IDEMPOTENCY_IN_PROGRESS or HP_IDEMPOTENCY_MISMATCH. */
  readonly before: NonNullable<TransactionMode["before"]>;
  /** The table was there. */
  readonly hasLooked: boolean;
  /** Commands that store the reply. Throws HP_REPLY_TOO_LARGE. */
  store(reply: SourceReply): readonly Command[];
}

/** Ends a transaction whose reply is known already. */
export class RepeatedReply extends Error {
  readonly reply: SourceReply;

  constructor(reply: SourceReply) {
    super("answered before");
    this.reply = reply;
  }
}

/** A longer reply is none that anybody needs twice. */
const MAX_STORED_BYTES = 1024 * 1024;

/** @param run runs commands in a transaction that writes, as the connecting user. */
export function createIdempotency(
  settings: PostgresSettings,
  run: (commands: readonly Command[]) => Promise<readonly CommandResult[]>,
): Idempotency {
  const { enabled, table: name, expireAfterMs } = settings.idempotency;
  const table = createKeyTable(name);

  return {
    guard(request, content) {
      const header = request.headers["idempotency-key"];
      if (!enabled || header === undefined) return undefined;
      const key = parseIdempotencyKey(Array.isArray(header) ? header.join(",") : header);
      const scope = scopeOf(impersonate(settings, request).role, request);
      const fingerprint = fingerprintOf(request, content);
      let hasLooked = false;
      return {
        before: {
          commands: table.claim(lockOf(name, scope, key), scope, key),
          look([locked, found]) {
            hasLooked = true;
            if (locked?.rows[0]?.[0] !== "t") throw inProgress();
            const row = found?.rows[0];
            if (row === undefined) return;
            const stored = toStoredReply(row);
            throw stored.fingerprint === fingerprint ? new RepeatedReply(toReply(stored)) : mismatch();
          },
        },
        get hasLooked() {
          return hasLooked;
        },
        store: (reply) => table.store(scope, key, fromReply(reply, fingerprint), expireAfterMs),
      };
    },
    async createTable() {
      try {
        const [found] = await run([table.find]);
        const [hasTable, hasSchema] = found?.rows[0] ?? [];
        if (hasTable !== "t") await run(table.create(hasSchema === "t"));
      } catch (cause) {
        throw new HotpathError(
          "HP_IDEMPOTENCY_UNAVAILABLE",
          `The table ${name} of idempotency keys cannot be created.`,
          {
            cause,
          },
        );
      }
    },
  };
}

function toReply({ status, statusText, headers, body }: StoredReply): SourceReply {
  const reply: SourceReply = {
    status,
    headers: { ...(JSON.parse(headers) as ReplyHeaders), "idempotent-replayed": "true" },
    body: body ?? undefined,
    validate: false,
  };
  if (statusText !== null) reply.statusText = statusText;
  return reply;
}

function fromReply({ status, statusText, headers, body }: SourceReply, fingerprint: string): StoredReply {
  const bytes = typeof body === "string" ? Buffer.from(body) : body instanceof Uint8Array ? body : null;
  if (bytes !== null && bytes.byteLength > MAX_STORED_BYTES) {
    throw new HotpathError(
      "HP_REPLY_TOO_LARGE",
      `A reply that is kept for its Idempotency-Key may have ${MAX_STORED_BYTES} bytes, not ${bytes.byteLength}.`,
    );
  }
  return { fingerprint, status, statusText: statusText ?? null, headers: JSON.stringify(headers), body: bytes };
}

function inProgress(): HotpathError {
  return new HotpathError("HP_IDEMPOTENCY_IN_PROGRESS", "A request with this Idempotency-Key is under way.", {
    headers: { "retry-after": "1" },
  });
}

function mismatch(): HotpathError {
  return new HotpathError("HP_IDEMPOTENCY_MISMATCH", "This Idempotency-Key has been used for another request.");
}
