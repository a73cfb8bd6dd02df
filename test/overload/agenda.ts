/** What is to come, in the order of its time: a binary heap. */
export class Agenda<Item> {
  readonly #heap: { readonly at: number; readonly what: Item }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the next is due. */
  get first(): number | undefined {
    return this.#heap[0]?.at;
  }

  add(at: number, what: Item): void {
    const heap = this.#heap;
    let place = heap.push({ at, what }) - 1;
    for (let up = (place - 1) >> 1; place > 0 && heap[up]!.at > heap[place]!.at; place = up, up = (place - 1) >> 1) {
      [heap[up], heap[place]] = [heap[place]!, heap[up]!];
    }
  }

  /** The next that is due before then. */
  take(until: number): { readonly at: number; readonly what: Item } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at >= until) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) heap[0] = last;
    for (let place = 0; ;) {
      let least = place;
      for (const child of [2 * place + 1, 2 * place + 2]) {
        if (child < heap.length && heap[child]!.at < heap[least]!.at) least = child;
      }
      if (least === place) return first;
      [heap[least], heap[place]] = [heap[place]!, heap[least]!];
      place = least;
    }
  }
}
