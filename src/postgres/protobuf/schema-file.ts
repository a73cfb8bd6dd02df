import type { EnumType, MessageType, ProtoFile } from "../../content/protobuf/schema.ts";
import type { Visible } from "../openapi/visible.ts";
import type { Relation, Routine } from "../catalog/types.ts";
import type { RoutineMessages, RowMessage } from "./row-message.ts";
import type { DescribedService } from "./services.ts";
import { sortedByName } from "./sorted.ts";

/** What a schema's file is made of. */
export interface FileParts {
  readonly package: string;
  readonly ofRelation: (relation: Relation) => RowMessage;
  readonly ofRoutine: (routine: Routine) => RoutineMessages;
  readonly services: readonly DescribedService[];
  /** Names of the messages of relations. */
  readonly rowNames: Iterable<string>;
  /** By name, what only fields of other messages mention. */
  others(): ReadonlyMap<string, MessageType>;
  readonly enums: ReadonlyMap<string, EnumType>;
}

/** The file as whoever asks may see it: messages of what is visible, and those that their fields mention. */
export function schemaFile(parts: FileParts, visible: Visible): ProtoFile {
  const { ofRelation, ofRoutine, services, enums } = parts;
  const rows = visible.relations.map(({ relation }) => ofRelation(relation).type);
  const called = visible.functions.flatMap(([, overloads]) => overloads.map(ofRoutine));
  const shown = new Set([...rows, ...called.flatMap(({ argumentsType, result }) => [argumentsType, result.type])]);
  const byName = parts.others();
  const hidden = new Set(parts.rowNames);
  for (const { name } of shown) hidden.delete(name);
  const messages = [...shown];
  const usedEnums = new Set<string>();
  for (const { fields } of messages) {
    for (const { type } of fields) {
      if (type.kind === "enum") usedEnums.add(type.name);
      const mentioned = type.kind === "message" ? byName.get(type.name) : undefined;
      if (mentioned === undefined || shown.has(mentioned)) continue;
      shown.add(mentioned);
      messages.push(mentioned);
    }
  }
  return {
    package: parts.package,
    comment: "Made by hotpath from the database; made anew when its structure has changed.",
    messages: messages.map((message) => withoutHidden(message, hidden)),
    enums: sortedByName([...enums.values()].filter(({ name }) => usedEnums.has(name))),
    services: services.flatMap(({ type, relation, routines: methods }) => {
      if (relation !== undefined) return visible.relations.some((one) => one.relation === relation) ? [type] : [];
      const shownMethods = type.methods.filter((method) => called.includes(ofRoutine(methods!.get(method.name)!)));
      return shownMethods.length === 0 ? [] : [{ ...type, methods: shownMethods }];
    }),
  };
}

/** Who may not know of a relation is not told where it would be embedded. */
function withoutHidden(message: MessageType, hidden: ReadonlySet<string>): MessageType {
  if (hidden.size === 0) return message;
  return { ...message, fields: message.fields.filter(({ type }) => type.kind !== "message" || !hidden.has(type.name)) };
}
