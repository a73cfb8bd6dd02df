import type { Catalog, Relation } from "./catalog/types.ts";
import { representationKey } from "./catalog/types.ts";
import { type MemberUse, readMembers } from "./payload/members.ts";
import type { Payload } from "./payload/payload.ts";
import type { ReadTarget } from "./read-plan.ts";
import type { WrittenContent } from "./write-plan.ts";

/** The content as the statement takes it, and what it puts into it. */
export interface BoundContent extends WrittenContent {
  readonly text: string;
  readonly members: readonly (string | null)[];
}

/** Beyond this length finding the members of an object takes longer here than in the database. */
const MAX_MEMBERS_CHARACTERS = 64 * 1024;
const NOTHING: ReadonlySet<string> = new Set();

/** @param columns those that the query names; null where every member counts. */
export function bindContent(
  catalog: Catalog,
  { relation, key }: ReadTarget,
  method: string,
  payload: Payload | null,
  columns: readonly string[] | null,
): BoundContent {
  if (payload === null) return { form: "none", names: [], missing: NOTHING, text: "", members: [] };
  // Of CSV and forms all columns count.
  const names = payload.keys ?? columns ?? [];
  const { text, isList } = payload;
  const whole = { form: isList ? "list" : "object", names, missing: NOTHING, text, members: [] } as const;
  if (method === "PUT" && key !== null) return withPathKey(whole, relation, key);
  if (isList || method === "PUT" || text.length > MAX_MEMBERS_CHARACTERS) return whole;
  // Where nobody has looked at the text yet, the database says what is wrong with it.
  if (payload.keys === null && !isJson(text)) return whole;
  const members = readMembers(text, names, usesOf(catalog, relation, names));
  if (members === undefined) return whole;
  if (isComplete(members)) return { form: "members", names, missing: NOTHING, text, members };
  const missing = new Set(names.filter((_, index) => members[index] === undefined));
  return { form: "members", names, missing, text, members: members.map((member) => member ?? null) };
}

/** The key of a row path is the row's, whether the content repeats it or not. */
function withPathKey(whole: BoundContent, { primaryKey }: Relation, key: readonly string[]): BoundContent {
  if (whole.form !== "object") return whole;
  const added = primaryKey.flatMap((name, index) => (whole.names.includes(name) ? [] : [[name, key[index]] as const]));
  if (added.length === 0) return whole;
  const members = added.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",");
  const rest = whole.text.slice(whole.text.indexOf("{") + 1);
  const text = `{${members}${whole.names.length === 0 ? "" : ","}${rest}`;
  return { ...whole, names: [...whole.names, ...added.map(([name]) => name)].sort(), text };
}

function isComplete(members: readonly (string | null | undefined)[]): members is readonly (string | null)[] {
  return !members.includes(undefined);
}

function usesOf(catalog: Catalog, relation: Relation, names: readonly string[]): readonly MemberUse[] {
  const hasRepresentations = catalog.representations.size > 0;
  return names.map((name) => {
    const column = relation.columns.get(name);
    if (column === undefined) return "text";
    if (column.baseType === "json" || column.baseType === "jsonb") return "json";
    if (hasRepresentations && catalog.representations.has(representationKey("json", column.type))) return "json";
    return column.category === "A" || column.isComposite ? "structured" : "text";
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
