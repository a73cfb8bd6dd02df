/** A comment as documents show it: its first line names the thing, the rest describes it. */
export interface CommentParts {
  readonly summary: string;
  /** Empty where the comment is one line. Blank lines before it are left out. */
  readonly description: string;
}

/** Splits a comment; undefined where there is none. */
export function splitComment(comment: string | null | undefined): CommentParts | undefined {
  if (comment === null || comment === undefined) return undefined;
  const end = comment.indexOf("\n");
  if (end === -1) return { summary: comment, description: "" };
  return { summary: comment.slice(0, end), description: comment.slice(end).replace(/^\n+/, "") };
}

/** `summary` and `description` of an operation, each where there is one. */
export function describeOperation(comment: string | null): {
  readonly summary?: string;
  readonly description?: string;
} {
  const parts = splitComment(comment);
  if (parts === undefined) return {};
  return { summary: parts.summary, ...(parts.description === "" ? {} : { description: parts.description }) };
}
