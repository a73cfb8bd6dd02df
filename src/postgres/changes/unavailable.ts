import { HotpathError } from "../../errors.ts";

/** Why changes cannot be followed, in words for whoever can change that. */
export class FeedUnavailable extends Error {
  override readonly name = "FeedUnavailable";
  /** What to do about it. */
  readonly todo: string;

  constructor(message: string, todo: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.todo = todo;
  }
}

/** What a failure of setting up the stream comes to: a reason that somebody must see to, or the failure itself. */
export function toUnavailable(error: unknown, user: string): unknown {
  const code = codeOf(error);
  const found = code === undefined ? undefined : REASONS[code];
  if (found === undefined) return error;
  const [message, todo] = found;
  return new FeedUnavailable(message, todo.replace("USER", `"${user.replaceAll('"', '""')}"`), error);
}

const REPLICATION_RIGHT = [
  "the database user may not replicate",
  "alter role USER replication; and let it connect for replication in pg_hba.conf",
] as const;

/** By SQLSTATE; nothing else raises these in what the feed runs. */
const REASONS: Readonly<Record<string, readonly [message: string, todo: string]>> = {
  "42501": REPLICATION_RIGHT,
  "28000": REPLICATION_RIGHT,
  "53300": ["the server has no WAL sender left", "raise max_wal_senders"],
  "53400": ["the server has no replication slot left", "raise max_replication_slots"],
  "55006": [
    "another process uses the replication slot",
    "give each hotpath a slot of its own, or let them share Redis",
  ],
  "0A000": [
    "the server refuses logical replication here",
    "name the primary itself with --changes-url, not a pooler or a standby",
  ],
  "08P01": [
    "the connection does not speak the replication protocol",
    "name the database itself with --changes-url, not a pooler",
  ],
};

/** The server's code, also of an error of ours that was caused by it. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof HotpathError) return codeOf(error.cause);
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return error.code;
}
