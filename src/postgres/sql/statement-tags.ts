import type { PostgresSettings } from "../../api/settings.ts";
import type { Log } from "../../api/source.ts";
import type { ReadTags, StatementRead, TagSource } from "../changes/read-tags.ts";
import { startupSettings } from "../transaction.ts";
import { identifier } from "../query/sql-text.ts";
import type { NamedRead } from "./ask-tree.ts";
import type { CompiledStatement } from "./compile-statement.ts";

/** Finds the tags of statements. */
export interface StatementTags {
  /**
   * Of a statement: asked of the server once for each state of the catalog. Undefined: it cannot be told at present.
   *
   * @param isImpersonated it runs under a role of its own, with the search path of that.
   */
  of(source: TagSource, statement: CompiledStatement, isImpersonated: boolean): Promise<ReadTags | undefined>;
}

export function createStatementTags(parts: {
  readonly settings: PostgresSettings;
  readonly primaryUrl: () => string;
  readonly log: () => Log | undefined;
}): StatementTags {
  const { settings } = parts;
  const { search_path: ofConnections = "" } = startupSettings(settings);
  const ofRoles = [...settings.schemas.slice(0, 1), ...settings.extraSearchPath].map(identifier).join(", ");
  let known = new WeakMap<CompiledStatement, Map<string, Promise<ReadTags | undefined>>>();
  let knownFor: TagSource | undefined;
  /** One connection at a time: a program's statements all come with its first requests. */
  let last: Promise<unknown> = Promise.resolve();

  async function find(
    source: TagSource,
    { plainText }: CompiledStatement,
    searchPath: string,
  ): Promise<ReadTags | undefined> {
    const { planStatementTags } = await import("../changes/read-tags.ts");
    const { askReads } = await import("./ask-tree.ts");
    const pool = { ...settings.pool, url: parts.primaryUrl() };
    const tags = planStatementTags(source, (await askReads(pool, searchPath, plainText)).map(toStatementRead));
    return typeof tags === "string" ? NONE : tags;
  }

  /** What the server refuses to look at it refuses always; where it cannot be asked, later requests ask again. */
  async function findOr(
    source: TagSource,
    statement: CompiledStatement,
    searchPath: string,
    forget: () => void,
  ): Promise<ReadTags | undefined> {
    try {
      return await find(source, statement, searchPath);
    } catch (error) {
      const isRefused = error instanceof Error && "severity" in error;
      parts.log()?.debug({ reason: messageOf(error) }, "what a statement of a route reads could not be told");
      if (isRefused) return NONE;
      setTimeout(forget, RETRY_MS).unref();
      return undefined;
    }
  }

  return {
    async of(source, statement, isImpersonated) {
      if (source !== knownFor) {
        known = new WeakMap();
        knownFor = source;
      }
      const searchPath = isImpersonated ? ofRoles : ofConnections;
      const byPath = known.get(statement) ?? new Map<string, Promise<ReadTags | undefined>>();
      known.set(statement, byPath);
      let finding = byPath.get(searchPath);
      if (finding === undefined) {
        finding = last.then(() => findOr(source, statement, searchPath, () => byPath.delete(searchPath)));
        last = finding;
        byPath.set(searchPath, finding);
      }
      return finding;
    },
  };
}

/** Of what nothing is known: how long a route says that its replies may be kept is then all there is. */
const NONE: ReadTags = { ttlMs: undefined, coarse: [], of: () => [] };
const RETRY_MS = 1000;

function toStatementRead({ oid, equalities, columns }: NamedRead): StatementRead {
  const named = equalities.flatMap(({ attribute, type, parameter }) => {
    const column = columns.get(attribute);
    return column === undefined ? [] : [{ column, type, parameter }];
  });
  return { oid, equalities: named };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
