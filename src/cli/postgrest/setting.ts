import type { OptionScope } from "../../api/option-table.ts";

/** A setting of PostgREST: how its text is read, what applies where none is given, and what becomes of it here. */
export interface Setting {
  readonly name: string;
  /** A list is one text, parted by commas. */
  readonly type: "text" | "list" | "boolean" | "integer";
  /** As text; empty: none. */
  readonly default: string;
  /** Set anew when the configuration is read again; the others belong to what runs already. */
  readonly isReloadable?: boolean;
  /** May be given in the database, as `pgrst.db_schemas`. */
  readonly isInDatabase?: boolean;
  /** An empty text is a value of its own, rather than none. */
  readonly isEmptyable?: boolean;
  /** Older name, which is read where the newer is not given. */
  readonly alias?: string;
  /** Of a later PostgREST than 14: dumped only where it was given. */
  readonly isLater?: boolean;
  /** What is wrong with a text, in PostgREST's words, which people search for. */
  readonly check?: (text: string) => string | undefined;
  /** The option of ours that it becomes; absent: other code reads it. */
  readonly option?: `${OptionScope}:${string}`;
  /** Brings a value from its type into the form of the option. */
  readonly convert?: (value: string) => unknown;
  /** Why it has no effect here; not said for the default. */
  readonly unsupported?: string;
  /** One line for `--example`. */
  readonly description: string;
}
