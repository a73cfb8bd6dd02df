import type { PostgresSettings } from "../api/settings.ts";
import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import { assertScope, type Cursor, parseCursor } from "./cursor.ts";
import type { Command, CommandResult } from "./pool/index.ts";
import type { Preferences } from "./preferences.ts";
import { parseQuery } from "./query/parse.ts";
import { parseQueryString, type QueryParameter, shapeOf } from "./query/query-string.ts";
import { bindTemplate, type Bindings, type Template } from "./query/statement.ts";
import {
  makeReadPlan,
  type QuickRead,
  rangeOf,
  type ReadContext,
  type ReadPlan,
  type ReadRequest,
  type ReadTarget,
  takesCursors,
} from "./read-plan.ts";
import { isUtc } from "./json-rows/plan-json-rows.ts";
import { explainReply, toReply } from "./read-reply.ts";

/** Answers GET and HEAD of a relation or a row. Throws at once what is wrong with the request itself. */
export function read(
  context: ReadContext,
  request: SourceRequest,
  target: ReadTarget,
  preferences: Preferences,
): Promise<SourceReply> {
  const given = withKey(target, parseQueryString(request.query));
  const { parameters, cursor } = takeCursor(context.settings, target, given);
  const shape = shapeOf(parameters);
  const key = shapeKey(request, target, preferences, cursor, shape.key);
  const known = context.plans.get(key);
  if (known !== undefined) return readPlanned(known);
  return makeReadPlan(context, request, target, preferences, parameters, shape.operands, cursor).then((plan) => {
    context.plans.set(key, plan);
    return readPlanned(plan);
  });

  function readPlanned(plan: ReadPlan): Promise<SourceReply> {
    const { quick } = plan;
    if (quick === undefined || quick.isOff || preferences.timezone !== undefined) return readBy(plan);
    return readBy(quick.plan, quick).catch((error: unknown) => {
      if (!(error instanceof UnfitRows) && !isUnknownColumn(error)) throw error;
      quick.isOff = true;
      return readBy(plan);
    });
  }

  function readBy(plan: ReadPlan, quick?: QuickRead): Promise<SourceReply> {
    if (cursor !== null) assertScope(cursor, plan.keyset?.scope ?? "");
    const { main, plannedCount } = plan.compiled;
    const bindings = { operands: shape.operands, cursor: cursor?.values ?? NO_VALUES };
    const commands = [bind(main, bindings, parameters)];
    if (plannedCount !== null) commands.push(bind(plannedCount, bindings, parameters));
    const { schema, name } = target.relation;
    const scope = { schema, target: name, timezone: preferences.timezone ?? null };
    return context.run(request, scope, commands, plan.mode).then((results) => {
      if (quick !== undefined) assertFit(plan, results);
      const exchange = { settings: context.settings, request, target, preferences, plan };
      const reply =
        plan.media.explain !== null
          ? explainReply(plan, results)
          : toReply(exchange, results, given, cursor === null ? shape.operands : null);
      if (plan.caching !== undefined) {
        const caching = hasReplySettings(plan, results) ? "settings" : plan.caching;
        context.queryCache?.mark(reply, request, caching, bindings);
      }
      return reply;
    });
  }
}

/** Rows that came as records cannot be made JSON here. */
class UnfitRows extends Error {}

/** @throws UnfitRows where rows are shown in another time zone than they come in. */
function assertFit({ compiled: { layout } }: ReadPlan, [main]: readonly CommandResult[]): void {
  const zone = main?.rows[0]?.[layout.zone];
  if (layout.zone !== -1 && zone !== undefined && !isUtc(zone)) throw new UnfitRows(`time zone ${zone}`);
}

/** A column is gone, or is not for this role: what is selected as a star may still be there. */
function isUnknownColumn(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "42703";
}

/** Whether a function of the database chose header fields or the status. */
function hasReplySettings({ compiled: { layout } }: ReadPlan, [main]: readonly CommandResult[]): boolean {
  const row = main?.rows[0];
  if (row === undefined || layout.replyHeaders === -1) return false;
  return (row[layout.replyHeaders] ?? null) !== null || (row[layout.replyStatus] ?? null) !== null;
}

const NO_VALUES: readonly (string | null)[] = [];

/** The key of a row path as filters before those of the query. */
export function withKey(
  { relation, key }: ReadTarget,
  parameters: readonly QueryParameter[],
): readonly QueryParameter[] {
  if (key === null) return parameters;
  if (relation.primaryKey.length === 0) {
    throw new HotpathError("HP_NOT_FOUND", `${relation.name} has no primary key, so its rows have no paths.`);
  }
  if (key.length !== relation.primaryKey.length) {
    throw new HotpathError(
      "HP_NOT_FOUND",
      `The key of ${relation.name} has ${relation.primaryKey.length} parts (${relation.primaryKey.join(",")}), not ${key.length}.`,
    );
  }
  const filters = relation.primaryKey.map((name, index) => ({
    name: `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`,
    value: `eq.${key[index]}`,
    hasValue: true,
  }));
  return [...filters, ...parameters];
}

/** Takes `after` out of the parameters, unless the relation has a column of that name to filter by. */
function takeCursor(
  settings: PostgresSettings,
  { relation, key }: ReadTarget,
  parameters: readonly QueryParameter[],
): { parameters: readonly QueryParameter[]; cursor: Cursor | null } {
  const after = takesCursors(settings, relation, key) ? parameters.find(({ name }) => name === "after") : undefined;
  if (after === undefined) return { parameters, cursor: null };
  return { parameters: parameters.filter(({ name }) => name !== "after"), cursor: parseCursor(after.value) };
}

/** All that a plan depends on besides catalog and settings; a new catalog comes with a new cache. */
export function shapeKey(
  request: ReadRequest,
  { relation, key }: ReadTarget,
  { count }: Preferences,
  cursor: Cursor | null,
  query: string,
): string {
  const nulls = cursor === null ? "-" : cursor.values.map((value) => (value === null ? "n" : "v")).join("");
  const range = rangeOf(request) ?? "";
  const kind = key === null ? "list" : "row";
  const { accept = "" } = request.headers;
  return `${relation.oid}\0${kind}\0${accept}\0${count ?? ""}\0${range}\0${nulls}\0${query}`;
}

/**
 * A statement of a shape with what one request puts into it.
 *
 * @throws DialectError PGRST100 for an operand of another form than its shape has.
 */
export function bind(template: Template, bindings: Bindings, parameters: readonly QueryParameter[]): Command {
  const values = bindTemplate(template, bindings);
  if (values !== undefined) return { statement: template.statement, values };
  // An operand is not a list where its shape has one: parsing says where it goes wrong.
  parseQuery(parameters);
  throw new Error("an operand could not be bound");
}
