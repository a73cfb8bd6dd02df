import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import type { Catalog, Relation } from "./catalog/types.ts";
import { isOperation, type QueryParameter } from "./query/query-string.ts";

/** Name of the parameter that holds a field mask. */
const MASK = "fields";

/**
 * Parameters with a field mask (`fields=id,orders.total`), where there is one, as the `select` that it means: for those who ask for messages, whose
 * fields it names. A column that is called so keeps its meaning, as it does beside `after`. The place stays, so that operands keep theirs.
 *
 * @throws HotpathError HP_FIELDS_INVALID for fields that the message has not, and beside `select`.
 */
export async function withoutMask(
  catalog: Catalog,
  { basePath, headers: { accept } }: Pick<SourceRequest, "basePath" | "headers">,
  relation: Relation,
  parameters: readonly QueryParameter[],
): Promise<readonly QueryParameter[]> {
  if (accept === undefined || !accept.includes("protobuf") || relation.columns.has(MASK)) return parameters;
  const place = parameters.findIndex(({ name, value, hasValue }) => name === MASK && hasValue && !isOperation(value));
  const given = parameters[place];
  if (given === undefined) return parameters;
  if (parameters.some(({ name }, index) => name === "select" || (name === MASK && index !== place))) {
    throw new HotpathError("HP_FIELDS_INVALID", "What is answered can be said once: by one `fields`, or by `select`.", {
      todo: "Leave one out; `select` can also rename, cast and filter embedded rows.",
    });
  }
  const paths = given.value.split(",").map((path) => path.trim());
  const subject = { catalog, schema: relation.schema, basePath };
  const { maskedSelect } = await import("./protobuf/index.ts");
  const value = given.value === "" ? "*" : maskedSelect(subject, relation, paths);
  return parameters.with(place, { name: "select", value, hasValue: true });
}
