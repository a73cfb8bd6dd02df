import { constantName } from "./names.ts";
import {
  type EnumType,
  type FieldType,
  importsOf,
  type MessageField,
  type MessageType,
  type ProtoFile,
  type ServiceType,
} from "./schema.ts";

/** A file's text, as `protoc` reads it. */
export function protoText(file: ProtoFile): string {
  const imports = importsOf(file).map((path) => `import "${path}";`);
  const head = [commentText(file.comment, ""), 'syntax = "proto3";', "", `package ${file.package};`];
  const parts = [
    ...(imports.length === 0 ? [] : [imports.join("\n")]),
    ...file.services.map(serviceText),
    ...file.messages.map((message) => messageText(message, "", file.package)),
    ...file.enums.map(enumText),
  ];
  return `${[head.join("\n").trimStart(), ...parts].join("\n\n")}\n`;
}

function messageText(message: MessageType, indent: string, inPackage: string): string {
  const inner = `${indent}  `;
  const reserved = message.reserved.length === 0 ? [] : [`${inner}reserved ${rangesText(message.reserved)};`];
  const lines = [
    ...reserved,
    ...message.fields.map((field) => fieldText(field, inner, inPackage)),
    ...message.nested.map((nested) => messageText(nested, inner, inPackage)),
  ];
  const comment = commentText(message.comment, indent);
  return `${comment}${indent}message ${message.name} {${lines.length === 0 ? "" : `\n${lines.join("\n")}\n${indent}`}}`;
}

function fieldText(field: MessageField, indent: string, inPackage: string): string {
  const label = field.label === "single" || field.label === "map" ? "" : `${field.label} `;
  const json = field.key === defaultKey(field.name) ? "" : ` [json_name = ${quoted(field.key)}]`;
  const comment = commentText(field.comment, indent);
  const type = typeText(field.type, inPackage);
  return `${comment}${indent}${field.label === "map" ? `map<string, ${type}>` : `${label}${type}`} ${field.name} = ${field.number}${json};`;
}

/** From the root on, so that no field or message nearer by is meant. */
function typeText(type: FieldType, inPackage: string): string {
  if (type.kind === "scalar") return type.scalar;
  return type.name.startsWith(".") ? type.name : `.${inPackage}.${type.name}`;
}

function enumText({ name, comment, values }: EnumType): string {
  const lines = [
    `  ${constantName(name)}_UNSPECIFIED = 0;`,
    ...values.map((value) => `  ${value.name} = ${value.number};${labelNote(value.label)}`),
  ];
  return `${commentText(comment, "")}enum ${name} {\n${lines.join("\n")}\n}`;
}

function labelNote(label: string): string {
  return `  // ${label.replaceAll(/\p{Cc}/gu, " ")}`;
}

function serviceText({ name, comment, methods }: ServiceType): string {
  const lines = methods.map((method) => {
    const stream = method.streams ? "stream " : "";
    const options = method.isRead ? " {\n    option idempotency_level = NO_SIDE_EFFECTS;\n  }" : ";";
    return `${commentText(method.comment, "  ")}  rpc ${method.name}(${method.input}) returns (${stream}${method.output})${options}`;
  });
  return `${commentText(comment, "")}service ${name} {\n${lines.join("\n")}\n}`;
}

/** The key that a field has in JSON unless another is given. */
export function defaultKey(name: string): string {
  return name.replaceAll(/_+(.?)/g, (_, next: string) => next.toUpperCase());
}

function rangesText(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`)).join(", ");
}

function commentText(comment: string | null, indent: string): string {
  if (comment === null || comment === "") return "";
  const lines = comment.split(/\r?\n|[\u2028\u2029\v\f\r]/);
  return lines.map((line) => `${indent}// ${line.replaceAll(/\p{Cc}/gu, " ")}`.trimEnd() + "\n").join("");
}

/** A text of the language: UTF-8, with what would end or change it escaped. */
function quoted(text: string): string {
  const escaped = text.replaceAll(/["\\]/g, "\\$&").replaceAll(/\p{Cc}/gu, (control) => {
    return [...Buffer.from(control)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  });
  return `"${escaped}"`;
}
