/** Guessing must not lay open what there is, so names of tables and functions have to be this near to be told. */
export const LEAST_NAME_SCORE = 0.75;
/** Who knows the table or function may be told what belongs to it. */
export const LEAST_LISTED_SCORE = 0.33;

/** Of many candidates that share grams only the most alike are compared letter by letter. */
const MAX_COMPARED = 50;

/** Longer texts are no names, and comparing them would take its time. */
const MAX_CHARACTERS = 1000;

/**
 * The candidate most like a name, or undefined when none is at least `leastScore` like it (1: equal but for letter case).
 *
 * Names are alike when they share groups of three letters, failing that of two (cosine similarity); how alike, the edit
 * distance over the longer length says. That is how the dialect finds the names in its hints (G. Glass, "FuzzySet").
 */
export function similarName(name: string, candidates: Iterable<string>, leastScore: number): string | undefined {
  if (name.length > MAX_CHARACTERS) return undefined;
  const listed = [...new Set(candidates)];
  const wanted = normalized(name);
  for (const size of [3, 2]) {
    const grams = countGrams(wanted, size);
    const alike = listed
      .map((candidate) => ({ candidate, likeness: cosine(grams, countGrams(normalized(candidate), size)) }))
      .filter(({ likeness }) => likeness > 0)
      .sort((one, other) => other.likeness - one.likeness)
      .slice(0, MAX_COMPARED)
      .map(({ candidate }) => ({ candidate, score: editScore(wanted, normalized(candidate)) }))
      .sort((one, other) => other.score - one.score);
    const [best] = alike;
    if (best !== undefined && best.score >= leastScore) return best.candidate;
  }
  return undefined;
}

function normalized(name: string): string {
  return name.toLowerCase();
}

/** How often each group of letters occurs; dashes mark the ends, and signs do not count. */
function countGrams(name: string, size: number): ReadonlyMap<string, number> {
  const letters = `-${name.replaceAll(/[^\p{L}\p{N}, ]/gu, "")}-`.padEnd(size, "-");
  const counts = new Map<string, number>();
  for (let at = 0; at + size <= letters.length; at++) {
    const gram = letters.slice(at, at + size);
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

function cosine(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): number {
  let product = 0;
  for (const [gram, count] of one) product += count * (other.get(gram) ?? 0);
  return product / (norm(one) * norm(other));
}

function norm(counts: ReadonlyMap<string, number>): number {
  let squares = 0;
  for (const count of counts.values()) squares += count * count;
  return Math.sqrt(squares);
}

function editScore(from: string, to: string): number {
  const longer = Math.max(from.length, to.length);
  return longer === 0 ? 1 : 1 - editDistance(from, to) / longer;
}

/** Insertions, removals and replacements from one text to the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = last[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(last[column]! + 1, current[column - 1]! + 1, replaced));
    }
    last = current;
  }
  return last[to.length]!;
}
