/** Names of components (OpenAPI 3.1 section 4.8.7.1: letters, digits, dot, hyphen, underscore), each given to one thing. */
export interface ComponentNames {
  /** The name of a thing, made of its words; the same words have the same name. */
  of(...words: readonly string[]): string;
}

/** @param reserved names that are taken already */
export function createComponentNames(reserved: readonly string[] = []): ComponentNames {
  const given = new Map<string, string>();
  const taken = new Set(reserved);
  return {
    of(...words) {
      const key = JSON.stringify(words);
      const known = given.get(key);
      if (known !== undefined) return known;
      const plain = words.map((word) => word.replace(/[^A-Za-z0-9_-]+/g, "_")).join(".");
      let name = plain;
      for (let number = 2; taken.has(name); number += 1) name = `${plain}-${number}`;
      taken.add(name);
      given.set(key, name);
      return name;
    },
  };
}
