import { fieldName, messageName, TakenNames } from "../../content/protobuf/names.ts";
import type { MethodType, ServiceType } from "../../content/protobuf/schema.ts";
import type { Relation, Routine } from "../catalog/types.ts";
import type { RoutineMessages } from "./row-message.ts";

/** A service, and what its methods are about. */
export interface DescribedService {
  readonly type: ServiceType;
  readonly relation: Relation | undefined;
  /** By method. */
  readonly routines: ReadonlyMap<string, Routine> | undefined;
}

/** The service of a relation. */
export function relationService(name: string, row: string, relation: Relation): ServiceType {
  const method = (called: string, output: string, isRead: boolean, streams = false): MethodType => ({
    name: called,
    comment: null,
    input: `${row}.${called === "Export" ? "List" : called}Request`,
    output,
    streams,
    isRead,
  });
  const hasKey = relation.primaryKey.length > 0;
  const list = `${row}.List`;
  return {
    name,
    comment: relation.comment,
    methods: [
      ...(hasKey ? [method("Get", row, true), method("BatchGet", list, true)] : []),
      method("List", list, true),
      ...(relation.insertable ? [method("Create", row, false)] : []),
      ...(relation.updatable && hasKey ? [method("Update", row, false)] : []),
      ...(relation.deletable && hasKey ? [method("Delete", row, false)] : []),
      ...(hasKey ? [method("Export", row, true, true)] : []),
    ],
  };
}

/** Methods of functions; of overloads the later ones are called by their parameters, too. */
export function functionService(
  name: string,
  byName: ReadonlyMap<string, readonly Routine[]>,
  messagesOf: (routine: Routine) => RoutineMessages,
): DescribedService | undefined {
  const taken = new TakenNames();
  const routines = new Map<string, Routine>();
  const methods: MethodType[] = [];
  for (const routine of [...byName.values()].flat()) {
    const { returns, isProcedure, parameters, volatility } = routine;
    if (isProcedure) continue;
    const called = taken.take(messageName(routine.name), parameters.map((one) => fieldName(one.name)).join("_") || "0");
    const { result, argumentsType } = messagesOf(routine);
    const output = returns.set ? `${result.type.name}.List` : result.type.name;
    const isRead = volatility !== "volatile";
    methods.push({ name: called, comment: routine.comment, input: argumentsType.name, output, streams: false, isRead });
    routines.set(called, routine);
  }
  if (methods.length === 0) return undefined;
  return { type: { name, comment: null, methods }, relation: undefined, routines };
}
