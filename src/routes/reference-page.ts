import type { JsonObject } from "./schema-of.ts";

/** A page for people that says what an OpenAPI document says: without scripts, so that the strictest policy can be sent with it. */
export function referencePage(document: JsonObject): string {
  const { paths = {}, components = {} } = document as { paths?: Paths; components?: { schemas?: JsonObject } };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationSection(method.toUpperCase(), path, operation)),
  );
  const schemas = Object.entries(components.schemas ?? {}).map(
    ([name, schema]) => `<details><summary><code>${escape(name)}</code></summary>${json(schema)}</details>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>API reference</title>
<style>${STYLE}</style>
<h1>Routes</h1>
<p>The document: <a href="/openapi.json">openapi.json</a>. Tables and functions are described at <code>/</code> of their source.</p>
${operations.join("\n")}
<h2>Schemas</h2>
${schemas.join("\n")}
</html>
`;
}

type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: unknown;
  readonly example?: unknown;
}

type Content = Readonly<Record<string, { readonly schema: unknown; readonly example?: unknown }>>;

function operationSection(method: string, path: string, operation: Operation): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const rows = parameters.map(
    ({ name, in: place, required, schema, example }) =>
      `<tr><td><code>${escape(name)}</code><td>${escape(place)}${required === true ? ", required" : ""}` +
      `<td><code>${escape(JSON.stringify(schema))}</code><td>${example === undefined ? "" : escape(JSON.stringify(example))}`,
  );
  const answers = Object.entries(responses).map(
    ([status, { description: words, content }]) => `<h3>${escape(status)} ${escape(words)}</h3>${contentOf(content)}`,
  );
  return `<section id="${escape(operationId)}">
<h2><b>${escape(method)}</b> <code>${escape(path)}</code></h2>
<p>${escape(summary ?? "")}</p>${description === undefined ? "" : `<p>${escape(description)}</p>`}
${rows.length === 0 ? "" : `<table>${rows.join("")}</table>`}
${requestBody === undefined ? "" : `<h3>Content</h3>${contentOf(requestBody.content)}`}
${answers.join("\n")}
</section>`;
}

function contentOf(content: Content | undefined): string {
  return Object.entries(content ?? {})
    .map(([type, { schema, example }]) => {
      const shown = example === undefined ? "" : `<p>Example</p>${json(example)}`;
      return `<details><summary>${escape(type)}</summary>${json(schema)}${shown}</details>`;
    })
    .join("");
}

function json(value: unknown): string {
  return `<pre>${escape(JSON.stringify(value, null, 2))}</pre>`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE =
  "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}" +
  "section{border-top:1px solid #ccc}td{padding:.2rem .8rem .2rem 0;vertical-align:top}pre{overflow:auto;background:#f6f6f6;padding:.6rem}";
