import { createRequire } from "node:module";
import type { HTMLElement, parse } from "node-html-parser";

let parser: { readonly parse: typeof parse } | undefined;

/** Reads HTML. The parser is loaded when a script first looks into a page. */
export function parseHtml(text: string): Selection {
  parser ??= createRequire(import.meta.url)("node-html-parser") as { parse: typeof parse };
  return new Selection([parser.parse(text)]);
}

/** `k6/html`. */
export function createHtml() {
  const module = { parseHTML: (text: string) => parseHtml(text) };
  return { ...module, default: module };
}

type Picker = string | ((at: number, element: PageElement) => boolean);

/** k6's `Selection`: elements of a page, in the manner of jQuery. */
export class Selection {
  readonly #elements: readonly HTMLElement[];

  constructor(elements: readonly HTMLElement[]) {
    this.#elements = elements;
  }

  get length(): number {
    return this.#elements.length;
  }

  size(): number {
    return this.#elements.length;
  }

  find(selector: string): Selection {
    return this.#each((element) => element.querySelectorAll(selector));
  }

  children(selector?: string): Selection {
    return this.#each((element) => element.children).#only(selector);
  }

  parent(selector?: string): Selection {
    return this.#each((element) => [element.parentNode]).#only(selector);
  }

  closest(selector: string): Selection {
    return this.#each((element) => [element.closest(selector)]);
  }

  next(selector?: string): Selection {
    return this.#each((element) => [element.nextElementSibling]).#only(selector);
  }

  prev(selector?: string): Selection {
    return this.#each((element) => [element.previousElementSibling]).#only(selector);
  }

  siblings(selector?: string): Selection {
    return this.#each((element) => (element.parentNode?.children ?? []).filter((one) => one !== element)).#only(
      selector,
    );
  }

  filter(wanted: Picker): Selection {
    if (typeof wanted === "string") return this.#only(wanted);
    return new Selection(this.#elements.filter((element, at) => wanted(at, new PageElement(element))));
  }

  not(unwanted: string): Selection {
    const out = new Set(this.#only(unwanted).#elements);
    return new Selection(this.#elements.filter((element) => !out.has(element)));
  }

  has(selector: string): Selection {
    return new Selection(this.#elements.filter((element) => element.querySelector(selector) !== null));
  }

  is(selector: string): boolean {
    return this.#only(selector).length > 0;
  }

  first(): Selection {
    return this.eq(0);
  }

  last(): Selection {
    return this.eq(-1);
  }

  eq(at: number): Selection {
    const element = this.#elements.at(at);
    return new Selection(element === undefined ? [] : [element]);
  }

  slice(from: number, to?: number): Selection {
    return new Selection(this.#elements.slice(from, to));
  }

  get(at?: number): PageElement | PageElement[] | undefined {
    const all = this.#elements.map((element) => new PageElement(element));
    return at === undefined ? all : all.at(at);
  }

  toArray(): Selection[] {
    return this.#elements.map((element) => new Selection([element]));
  }

  each(visit: (at: number, element: PageElement) => unknown): Selection {
    for (const [at, element] of this.#elements.entries()) visit(at, new PageElement(element));
    return this;
  }

  map(make: (at: number, element: PageElement) => unknown): unknown[] {
    return this.#elements.map((element, at) => make(at, new PageElement(element)));
  }

  text(): string {
    return this.#elements.map(({ text }) => text).join("");
  }

  html(): string | undefined {
    return this.#elements[0]?.innerHTML;
  }

  attr(name: string, otherwise?: string): string | undefined {
    return this.#elements[0]?.getAttribute(name) ?? otherwise;
  }

  data(name: string): string | undefined {
    return this.attr(`data-${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  }

  /** What a form would send of the first element. */
  val(): string | undefined {
    const [element] = this.#elements;
    switch (element?.tagName?.toLowerCase()) {
      case "textarea":
        return element?.text;
      case "select": {
        const chosen = element?.querySelector("option[selected]") ?? element?.querySelector("option");
        return chosen?.getAttribute("value") ?? chosen?.text;
      }
      default:
        return element?.getAttribute("value");
    }
  }

  nodeName(): string {
    return this.#elements[0]?.tagName?.toLowerCase() ?? "";
  }

  serializeObject(): Record<string, string> {
    const fields = this.find("input[name], textarea[name], select[name]").toArray();
    return Object.fromEntries(
      fields
        .filter((field) => {
          const type = field.attr("type")?.toLowerCase() ?? "";
          if (["submit", "button", "image", "reset", "file"].includes(type)) return false;
          return !["checkbox", "radio"].includes(type) || field.attr("checked") !== undefined;
        })
        .map((field) => [field.attr("name")!, field.val() ?? (field.attr("type") === "checkbox" ? "on" : "")]),
    );
  }

  serialize(): string {
    return new URLSearchParams(this.serializeObject()).toString();
  }

  #each(pick: (element: HTMLElement) => readonly (HTMLElement | null | undefined)[]): Selection {
    const found = new Set<HTMLElement>();
    for (const element of this.#elements) for (const one of pick(element)) if (one) found.add(one);
    return new Selection([...found]);
  }

  #only(selector: string | undefined): Selection {
    if (selector === undefined) return this;
    return new Selection(
      this.#elements.filter((element) => element.parentNode?.querySelectorAll(selector).includes(element) ?? false),
    );
  }
}

/** k6's `Element`: one element, with the names of the DOM as functions; it is a selection of itself too. */
export class PageElement extends Selection {
  readonly #element: HTMLElement;

  constructor(element: HTMLElement) {
    super([element]);
    this.#element = element;
  }

  id(): string {
    return this.#element.getAttribute("id") ?? "";
  }

  className(): string {
    return this.#element.getAttribute("class") ?? "";
  }

  classList(): string[] {
    return [...this.#element.classList.values()];
  }

  innerHTML(): string {
    return this.#element.innerHTML;
  }

  textContent(): string {
    return this.#element.text;
  }

  getAttribute(name: string): string | undefined {
    return this.#element.getAttribute(name);
  }

  hasAttribute(name: string): boolean {
    return this.#element.hasAttribute(name);
  }

  hasAttributes(): boolean {
    return Object.keys(this.#element.attributes).length > 0;
  }

  attributes(): Record<string, string> {
    return this.#element.attributes;
  }

  parentElement(): PageElement | undefined {
    return toElement(this.#element.parentNode);
  }

  firstElementChild(): PageElement | undefined {
    return toElement(this.#element.firstElementChild);
  }

  lastElementChild(): PageElement | undefined {
    return toElement(this.#element.lastElementChild);
  }

  nextElementSibling(): PageElement | undefined {
    return toElement(this.#element.nextElementSibling);
  }

  previousElementSibling(): PageElement | undefined {
    return toElement(this.#element.previousElementSibling);
  }

  childElementCount(): number {
    return this.#element.children.length;
  }

  querySelector(selector: string): PageElement | undefined {
    return toElement(this.#element.querySelector(selector));
  }

  querySelectorAll(selector: string): PageElement[] {
    return this.#element.querySelectorAll(selector).map((element) => new PageElement(element));
  }
}

function toElement(element: HTMLElement | null | undefined): PageElement | undefined {
  return element ? new PageElement(element) : undefined;
}
