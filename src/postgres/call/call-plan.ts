import type { PostgresSettings } from "../../api/settings.ts";
import type { SourceRequest } from "../../api/source-request.ts";
import { findFunctions } from "../catalog/lookup.ts";
import type { Catalog, Routine } from "../catalog/types.ts";
import { momentArguments } from "../changes/moments.ts";
import type { CachePlan, QueryCache } from "../changes/query-cache.ts";
import { DialectError } from "../dialect-error.ts";
import { invalidPayload } from "../payload/invalid-payload.ts";
import { chooseReadMedia, isSingular, type ReadMedia, type RowsEncoder } from "../media.ts";
import type { Preferences } from "../preferences.ts";
import type { GivenArgument, QueryTree } from "../query/ast.ts";
import { planRead } from "../query/build-plan.ts";
import { type CompiledRead, compileRead, type RowShape } from "../query/compile-read.ts";
import { parseQuery } from "../query/parse.ts";
import type { QueryParameter } from "../query/query-string.ts";
import { completeSource } from "../query/source-columns.ts";
import { castsOf, isDefaultSelect, rangeOf } from "../read-plan.ts";
import { rootRange } from "../row-range.ts";
import { CALL_SOURCE, type CallArguments, callSql } from "./call-sql.ts";
import type { CallContent } from "./content.ts";
import { type AskedCall, findRoutine, takesContent } from "./find-routine.ts";
import { type HoistedSettings, hoistSettings } from "./hoisted-settings.ts";
import { resultRelation, VALUE_COLUMN } from "./result-relation.ts";

/** What a call's plan is made from besides its request. */
export interface CallPlanContext {
  readonly settings: PostgresSettings;
  readonly catalog: Catalog;
  /** Absent: replies are not cached. */
  readonly queryCache: QueryCache | undefined;
  resolveTypes(casts: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** The function that a request names. */
export interface CallTarget {
  readonly schema: string;
  readonly name: string;
  /** The profile was negotiated, so the reply names it. */
  readonly namesProfile: boolean;
}

/** What a request gives for its call: parameters of the query and then of a form, and a POST's content. */
export interface GivenCall {
  readonly query: readonly QueryParameter[];
  /** null: GET and HEAD, whose arguments are in the query. */
  readonly content: CallContent | null;
}

/** Everything about a call that other requests of the same shape can use again. */
export interface CallPlan {
  readonly routine: Routine;
  readonly compiled: CompiledRead;
  readonly media: ReadMedia;
  /** Where results come as records. */
  readonly encoder: RowsEncoder | undefined;
  readonly offset: number;
  /** Sent as a POST, and the function may change something. */
  readonly mayWrite: boolean;
  readonly hoisted: HoistedSettings;
  /** Of calls that change nothing, by GET or HEAD. */
  readonly caching: CachePlan | undefined;
}

/** Finds the function, and compiles its call and the selection from its results. */
export async function makeCallPlan(
  context: CallPlanContext,
  request: SourceRequest,
  target: CallTarget,
  preferences: Preferences,
  given: GivenCall,
): Promise<CallPlan> {
  const { settings } = context;
  const { content } = given;
  const query = parseQuery(given.query, content === null);
  const range = rootRange(rangeOf(request), query.ranges.findLast(({ path }) => path.length === 0)?.item);
  const { routine, args } = resolveCall(context.catalog, target, query, given);
  const { relation, catalog } = resultRelation(context.catalog, routine);
  const node = planRead(catalog, relation, query, range, settings, CALL_SOURCE);
  const computed = completeSource(node);
  const value = routine.returns.kind === "composite" ? null : routine.returns;
  const subject = { name: value === null ? relation : routine, value, isWholeRow: isDefaultSelect(query) };
  const media = chooseReadMedia(catalog, subject, request.headers.accept, settings.planEnabled);
  if (preferences.handling === "strict" && preferences.maxAffected !== undefined && !routine.returns.set) {
    const message = "Function must return SETOF or TABLE when max-affected preference is used with handling=strict";
    throw new DialectError("PGRST128", 400, message);
  }
  const { count } = preferences;
  const shape = shapeOfResult(routine);
  const isOne = shape.kind === "row" || shape.kind === "value";
  const types = await context.resolveTypes(castsOf(query));
  const encoder =
    media.format.kind === "records" && routine.returns.kind !== "void"
      ? (await import("../protobuf/index.ts")).encodeRows(
          { catalog: context.catalog, schema: target.schema, basePath: request.basePath },
          node,
          routine,
          isOne || isSingular(media),
          types,
        )
      : undefined;
  const compiled = compileRead(node, {
    format: media.format,
    // The planner knows too little of functions to be asked.
    count: count === "exact" || count === "estimated" ? "exact" : null,
    maxRows: settings.maxRows,
    isWhole: range.limit === undefined && range.offset === 0,
    readsReplySettings: true,
    modifiedColumn: null,
    cursor: null,
    explain: media.explain,
    isSingleRow: false,
    source: (writer) => callSql(writer, routine, args, computed),
    shape,
    types,
    catalogVersion: catalog.version,
  });
  const mayWrite = content !== null && routine.volatility === "volatile";
  const hoisted = hoistSettings(routine, settings.hoistedSettings);
  const traits = {
    isExplained: media.explain !== null,
    isEstimated: false,
    isHandled: media.format.kind === "handler" || media.format.kind === "value" || routine.returns.kind === "void",
  };
  const caching =
    content === null ? context.queryCache?.planCall(routine, node, traits, momentsOf(routine, args)) : undefined;
  const answered = encoder === undefined ? media : { ...media, contentType: encoder.contentType };
  return { routine, compiled, media: answered, encoder, offset: range.offset, mayWrite, hoisted, caching };
}

/** Parameters of the request whose arguments may name a moment: `now` is read as a time when the function is called. */
function momentsOf(routine: Routine, args: CallArguments): readonly number[] {
  if (args.kind !== "parameters") return [];
  return [...momentArguments(routine)].flatMap((name) => args.places.get(name) ?? []);
}

function shapeOfResult({ returns }: Routine): RowShape {
  if (returns.kind === "composite") return { kind: returns.set ? "rows" : "row" };
  return { kind: returns.set ? "values" : "value", column: VALUE_COLUMN };
}

function resolveCall(
  catalog: Catalog,
  { schema, name }: CallTarget,
  query: QueryTree,
  { query: parameters, content }: GivenCall,
): { readonly routine: Routine; readonly args: CallArguments } {
  const fields = (content?.fields ?? []).map((field, index) => ({
    name: field.name,
    parameter: parameters.length + index,
  }));
  const places = groupPlaces([...query.arguments, ...fields]);
  const names =
    content === null ? [...places.keys()].sort() : (content.argumentNames ?? [...new Set(query.columns)].sort());
  const asked = { schema, name, argumentNames: names, mediaType: content?.mediaType ?? null };
  const routine = content?.isOpaque ? findOpaque(catalog, asked) : findRoutine(catalog, asked);
  if (takesContent(routine, asked.mediaType)) return { routine, args: { kind: "content" } };
  if (content === null || content.fields.length > 0) return { routine, args: { kind: "parameters", places } };
  return { routine, args: { kind: "json", names: new Set(names), isArray: content.isArray } };
}

/** JSON whose keys name nothing can only be meant for a function that takes it as it is. */
function findOpaque(catalog: Catalog, asked: AskedCall): Routine {
  const [found, ...more] = findFunctions(catalog, asked).filter((routine) => takesContent(routine, asked.mediaType));
  if (found === undefined || more.length > 0) throw invalidPayload("All object keys must match");
  return found;
}

function groupPlaces(given: readonly GivenArgument[]): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>();
  for (const { name, parameter } of given) {
    const before = places.get(name);
    if (before === undefined) places.set(name, [parameter]);
    else before.push(parameter);
  }
  return places;
}
