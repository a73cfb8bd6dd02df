/** TypeScript's source, piece by piece. Nested pieces are indented by whoever holds them. */

/** A member of an object type, or of an object. */
export interface Member {
  readonly name: string;
  readonly type: string;
  readonly isOptional?: boolean;
  readonly comment?: string | null;
}

/** An object type; without members one that has no keys. */
export function objectType(members: readonly Member[]): string {
  if (members.length === 0) return "Record<never, never>";
  return `{\n${members.map((member) => indent(memberText(member))).join("\n")}\n}`;
}

/** A tuple, each element on a line of its own. */
export function tupleType(elements: readonly string[]): string {
  if (elements.length === 0) return "[]";
  return `[\n${elements.map((element) => indent(`${element},`)).join("\n")}\n]`;
}

/** A literal type of each text. */
export function unionOfTexts(texts: readonly string[]): string {
  return texts.length === 0 ? "never" : texts.map((text) => JSON.stringify(text)).join(" | ");
}

/** Types of which a value has one, each once. */
export function union(types: readonly string[]): string {
  return [...new Set(types)].join(" | ");
}

/** A list of a type. */
export function listType(element: string): string {
  return /^[\w.]+(?:\[[^\]]*\])*$/.test(element) ? `${element}[]` : `Array<${element}>`;
}

/** A name where TypeScript wants one: quoted unless it is an identifier. */
export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function memberText({ name, type, isOptional, comment }: Member): string {
  const note = comment === undefined || comment === null ? "" : commentText(comment);
  return `${note}${propertyName(name)}${isOptional === true ? "?" : ""}: ${type};`;
}

function commentText(comment: string): string {
  const lines = comment.replaceAll("*/", "*\\/").split("\n");
  if (lines.length === 1) return `/** ${lines[0]} */\n`;
  return `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join("\n")}\n */\n`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
