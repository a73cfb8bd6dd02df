/** Who tells of changes, and of which tables. */
export type ChangeSource =
  | {
      readonly means: "log";
      /** The tables of a publication that somebody else made; absent: those that the user owns can be published. */
      readonly published?: ReadonlySet<number> | undefined;
    }
  | {
      readonly means: "triggers";
      /** The tables that have them; absent: whichever can have them. */
      readonly tracked?: ReadonlySet<number>;
    };

/** Why it cannot be known when a relation's rows change; a token of `Cache-Status`. */
export type UnknownReason =
  | "view"
  | "materialized-view"
  | "foreign-table"
  | "unlogged-table"
  | "row-security"
  | "no-identity"
  | "not-followed";
