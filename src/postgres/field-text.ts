/** A text of the database as it can stand in a header field or a status line: UTF-8, control characters as spaces. */
export function toFieldText(text: string): string {
  // Node takes such texts as Latin-1, a byte for each character.
  return Buffer.from(text.replaceAll(/\p{Cc}+/gu, " ").trim()).toString("latin1");
}

/**
 * Content to follow such fields: Node joins a text with the head before it and writes both as UTF-8, which would encode
 * the fields again.
 */
export function besideFieldTexts(content: string): Uint8Array {
  return Buffer.from(content);
}
