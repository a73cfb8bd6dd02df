import type { Claims } from "./identity.ts";
import { type PathStep, parseJsonPath, parseJsPath } from "./role-path-grammar.ts";

/** Finds the role among the claims. Texts count as they are, anything else as its JSON; `null` where there is nothing. */
export type FindRole = (claims: Claims) => string | null;

/**
 * Compiles the place of the role: a JSON path (RFC 9535) beginning with `$`, of which names, indices, slices, wildcards and filters
 * by one comparison are known; or a JSPath as PostgREST 14 has it (`.app.roles[?(@ ^== "api_")]`). Of several matches the first counts.
 *
 * @throws Error that says what was not understood
 */
export function compileRolePath(text: string): FindRole {
  const steps = text.startsWith("$") ? parseJsonPath(text) : parseJsPath(text);
  return (claims) => {
    const found = first(claims, steps, 0);
    if (found === undefined) return null;
    return typeof found === "string" ? found : JSON.stringify(found);
  };
}

/** Depth first, so that no more is looked at than the first match needs. */
function first(value: unknown, steps: readonly PathStep[], at: number): unknown {
  const step = steps[at];
  if (step === undefined) return value;
  for (const next of select(value, step)) {
    const found = first(next, steps, at + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function select(value: unknown, step: PathStep): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  const elements = Array.isArray(value) ? (value as readonly unknown[]) : undefined;
  if (step.kind === "name") {
    const isThere = elements === undefined && Object.hasOwn(value, step.name);
    return isThere ? [(value as Record<string, unknown>)[step.name]] : [];
  }
  if (step.kind === "index") {
    const element = elements?.at(step.index);
    return element === undefined ? [] : [element];
  }
  if (step.kind === "slice") return elements === undefined ? [] : slice(elements, step);
  const children = elements ?? Object.values(value);
  return step.kind === "each" ? children : children.filter((child) => step.matches(first(child, step.path, 0)));
}

/** RFC 9535 section 2.3.4.2.2. */
function slice(elements: readonly unknown[], { start, end, step }: Extract<PathStep, { kind: "slice" }>): unknown[] {
  const { length } = elements;
  const within = (index: number): number => (index < 0 ? index + length : index);
  const found: unknown[] = [];
  if (step > 0) {
    const last = Math.min(end === undefined ? length : within(end), length);
    for (let at = Math.max(start === undefined ? 0 : within(start), 0); at < last; at += step) found.push(elements[at]);
  } else if (step < 0) {
    const last = Math.max(end === undefined ? -1 : within(end), -1);
    const begin = Math.min(start === undefined ? length - 1 : within(start), length - 1);
    for (let at = begin; at > last; at += step) found.push(elements[at]);
  }
  return found;
}
