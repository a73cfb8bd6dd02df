import type { KeptContent } from "../../http/message.ts";
import { ownBytes } from "../../http/own-bytes.ts";

/** What a form takes beside its bytes. */
const OVERHEAD_BYTES = 250;

/**
 * Compressed forms of stored content, made when first asked for and kept with it, so that content is compressed once however often it is
 * served. Bounded over all content: the form that was made first goes first.
 */
export class Variants {
  readonly #maxBytes: number;
  readonly #forms = new WeakMap<Uint8Array, Map<string, Uint8Array>>();
  readonly #order: { readonly forms: Map<string, Uint8Array>; readonly coding: string; readonly bytes: number }[] = [];
  #oldest = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What is kept of some content. The forms outlive a revalidation, which keeps the content; the tag may not. */
  of(content: Uint8Array): KeptContent {
    return new Kept(this, content);
  }

  find(content: Uint8Array, coding: string): Uint8Array | undefined {
    return this.#forms.get(content)?.get(coding);
  }

  keep(content: Uint8Array, coding: string, form: Uint8Array): void {
    let forms = this.#forms.get(content);
    if (form.byteLength > this.#maxBytes / 4 || forms?.has(coding) === true) return;
    if (forms === undefined) this.#forms.set(content, (forms = new Map()));
    forms.set(coding, ownBytes(form));
    const bytes = form.byteLength + OVERHEAD_BYTES;
    this.#order.push({ forms, coding, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#forget();
  }

  #forget(): void {
    const first = this.#order[this.#oldest];
    if (first === undefined) return;
    this.#oldest++;
    this.#bytes -= first.bytes;
    first.forms.delete(first.coding);
    // Shifting one by one would move the whole list each time.
    if (this.#oldest > 1024 && this.#oldest > this.#order.length / 2) {
      this.#order.splice(0, this.#oldest);
      this.#oldest = 0;
    }
  }
}

class Kept implements KeptContent {
  etag: string | undefined;
  readonly #variants: Variants;
  readonly #content: Uint8Array;

  constructor(variants: Variants, content: Uint8Array) {
    this.#variants = variants;
    this.#content = content;
  }

  find(coding: string): Uint8Array | undefined {
    return this.#variants.find(this.#content, coding);
  }

  keep(coding: string, form: Uint8Array): void {
    this.#variants.keep(this.#content, coding, form);
  }
}
