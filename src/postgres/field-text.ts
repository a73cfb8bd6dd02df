/** A text of the database as it can stand in a header field or a status line: UTF-8, control characters as spaces. */
export function toFieldText(text: string): string {
  // Node writes such texts as Latin-1, a byte for each character.
  return Buffer.from(text.replaceAll(/\p{Cc}+/gu, " ").trim()).toString("latin1");
}
