/** What YAML can say here. */
export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml | undefined };

/** Documents in block style, each text that could be read as something else in quotes. */
export function formatYaml(documents: readonly Yaml[]): string {
  return documents.map((document) => `${lines(document, 0).join("\n")}\n`).join("---\n");
}

function lines(value: Yaml, depth: number): string[] {
  const indent = "  ".repeat(depth);
  if (Array.isArray(value)) {
    return (value as readonly Yaml[]).flatMap((each) => {
      const [first = "", ...rest] = lines(each, depth + 1);
      return [`${indent}- ${first.trimStart()}`, ...rest];
    });
  }
  if (typeof value !== "object") return [indent + scalar(value)];
  return Object.entries(value as Readonly<Record<string, Yaml | undefined>>).flatMap(([key, each]) => {
    if (each === undefined) return [];
    const name = `${indent}${scalar(key)}:`;
    if (typeof each !== "object") return [`${name} ${scalar(each)}`];
    if (Object.keys(each).length === 0) return [`${name} ${Array.isArray(each) ? "[]" : "{}"}`];
    return [name, ...lines(each, depth + 1)];
  });
}

function scalar(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  const isPlain = /^[A-Za-z_/][\w./-]*$/.test(value) && !/^(?:true|false|yes|no|on|off|null|y|n)$/i.test(value);
  return isPlain ? value : JSON.stringify(value);
}
