import type { PostgresSettings } from "../api/settings.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { impersonate } from "./impersonation.ts";
import type { Command } from "./pool/index.ts";
import type { TransactionScope } from "./transaction.ts";

/** For whom a statement was sent. */
export interface SentFor {
  /** `null`: the connecting user. */
  readonly role: string | null;
  readonly schema: string;
}

const MAX_STATEMENTS = 1000;

/** Remembers the statements of requests that are followed, by their texts: only what was really sent may be planned for whoever looks on. */
export class SentStatements {
  readonly #settings: PostgresSettings;
  readonly #sent = new Map<string, SentFor>();

  constructor(settings: PostgresSettings) {
    this.#settings = settings;
  }

  note(commands: readonly Command[], { schema }: TransactionScope, request: SourceRequest): void {
    const text = commands[0]?.statement.text;
    if (text === undefined || this.#sent.has(text)) return;
    // Those that came first go first; what is still sent comes back.
    if (this.#sent.size >= MAX_STATEMENTS) this.#sent.delete(this.#sent.keys().next().value ?? "");
    this.#sent.set(text, { role: impersonate(this.#settings, request).role, schema });
  }

  find(text: string): SentFor | undefined {
    return this.#sent.get(text);
  }
}
