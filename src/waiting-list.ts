/** Something that can stand in a waiting list. */
export interface Waiting<T> {
  /** When it began to wait, by `performance.now()`. */
  readonly since: number;
  previous: T | undefined;
  next: T | undefined;
  isWaiting: boolean;
}

/** First in, first out, and whoever gives up leaves at no cost. */
export class WaitingList<T extends Waiting<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get first(): T | undefined {
    return this.#first;
  }

  get last(): T | undefined {
    return this.#last;
  }

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    item.previous = this.#last;
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.#added(item);
  }

  /** For one that was served and must be served again. */
  unshift(item: T): void {
    item.next = this.#first;
    if (this.#first === undefined) this.#last = item;
    else this.#first.previous = item;
    this.#first = item;
    this.#added(item);
  }

  remove(item: T): void {
    if (!item.isWaiting) return;
    if (item.previous === undefined) this.#first = item.next;
    else item.previous.next = item.next;
    if (item.next === undefined) this.#last = item.previous;
    else item.next.previous = item.previous;
    item.previous = undefined;
    item.next = undefined;
    item.isWaiting = false;
    this.#size--;
  }

  #added(item: T): void {
    item.isWaiting = true;
    this.#size++;
  }
}
