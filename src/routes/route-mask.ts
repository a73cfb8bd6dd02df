import { wireFields } from "../content/protobuf/fields.ts";
import { HotpathError } from "../errors.ts";
import type { RouteMessage } from "./schema-message.ts";

/**
 * A `google.protobuf.FieldMask` as a URL's `fields` has it: `id` and `owner.name` are `"id","owner"("name")`.
 *
 * @throws HotpathError HP_FIELDS_INVALID for what the message has not.
 */
export function maskedFields(message: RouteMessage, mask: Buffer): string {
  const paths: string[] = [];
  for (const { number, wireType, bytes } of wireFields(mask)) {
    if (number === 1 && wireType === 2) paths.push(bytes.toString("utf8"));
  }
  const list = listOf(message);
  if (list === undefined) return selectionOf(message, paths);
  // What is chosen of a list is chosen of each item; where to go on is told anyway.
  if (paths.includes(list.name)) return "";
  const within = paths.filter((path) => path !== "next" || list.name === "value");
  return selectionOf(
    list.item,
    within.map((path) => (path.startsWith(`${list.name}.`) ? path.slice(list.name.length + 1) : path)),
  );
}

/** What a list or a page consists of, and under which name it stands in the message. */
function listOf({
  isWrapped,
  fields,
}: RouteMessage): { readonly name: string; readonly item: RouteMessage } | undefined {
  const isPage = fields.length === 2 && fields.every(({ field }) => field.key === "items" || field.key === "next");
  const list = fields.find(({ field }) => field.key === (isPage ? "items" : "value"));
  if ((!isPage && !isWrapped) || list?.form.kind !== "list" || list.form.element.kind !== "message") return undefined;
  return { name: list.field.name, item: list.form.element.message };
}

function selectionOf(message: RouteMessage, paths: readonly string[]): string {
  return paths
    .map((path) => {
      const [name = "", ...rest] = path.split(".");
      const found = message.fields.find(({ field }) => field.name === name || field.key === name);
      const form = found?.form.kind === "list" ? found.form.element : found?.form;
      if (found === undefined || (rest.length > 0 && form?.kind !== "message")) {
        throw new HotpathError("HP_FIELDS_INVALID", `The message ${message.type.name} has no field ${path}.`, {
          todo: "Name fields as /routes.proto does.",
        });
      }
      const key = JSON.stringify(found.field.key);
      return rest.length === 0 || form?.kind !== "message"
        ? key
        : `${key}(${selectionOf(form.message, [rest.join(".")])})`;
    })
    .join(",");
}
