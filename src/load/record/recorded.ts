/** Requests as they were really made, or might be: what a load test is built from. */
export interface Recorded {
  /** Where they went: an origin; empty: nobody knows. */
  readonly base: string;
  /** Requests a second, as far as that was seen. */
  readonly rate: number | undefined;
  /** Kinds of requests by how often they came. */
  readonly kinds: readonly RecordedKind[];
  /** One visit in its order, where that was recorded, with pauses. */
  readonly visit: readonly RecordedStep[] | undefined;
}

/** Requests that differ in numbers and the like alone. */
export interface RecordedKind {
  readonly method: string;
  /** With `{0}`, `{1}` where they differ. */
  readonly path: string;
  readonly count: number;
  /** What stood in those places, and how often, most often first. */
  readonly keys: readonly (readonly [values: readonly string[], count: number])[];
  readonly body: unknown;
}

export interface RecordedStep {
  readonly method: string;
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly pauseMs: number;
}

/** Keys that are told apart; rarer ones are drawn as if they were among them. */
const MAX_KEYS = 500;
const MAX_KINDS = 100;
/** Numbers, UUIDs and long hexadecimal texts in a path or a query. */
const VARIABLE = /(?<=[/=,.])(?:\d+|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|[\da-f]{16,})(?=[/&?,]|$)/gi;

/** Collects requests into kinds. */
export function collectKinds(): {
  add(method: string, target: string, body?: unknown): void;
  kinds(): RecordedKind[];
} {
  const found = new Map<
    string,
    {
      method: string;
      path: string;
      count: number;
      keys: Map<string, { values: string[]; count: number }>;
      body: unknown;
    }
  >();
  return {
    add(method, target, body) {
      const values: string[] = [];
      const path = target.replaceAll(VARIABLE, (value) => `{${values.push(value) - 1}}`);
      const id = `${method} ${path}`;
      let kind = found.get(id);
      if (kind === undefined) found.set(id, (kind = { method, path, count: 0, keys: new Map(), body }));
      kind.count++;
      const key = values.join("\n");
      const known = kind.keys.get(key);
      if (known !== undefined) known.count++;
      else if (kind.keys.size < MAX_KEYS * 20) kind.keys.set(key, { values, count: 1 });
    },
    kinds: () =>
      [...found.values()]
        .sort((a, b) => b.count - a.count)
        .slice(0, MAX_KINDS)
        .map(({ method, path, count, keys, body }) => ({
          method,
          path,
          count,
          body,
          keys: path.includes("{0}")
            ? [...keys.values()]
                .sort((a, b) => b.count - a.count)
                .slice(0, MAX_KEYS)
                .map(({ values, count: times }) => [values, times] as const)
            : [],
        })),
  };
}
