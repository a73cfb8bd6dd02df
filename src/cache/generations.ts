/**
 * A bounded map of names that forgets by generations: when the young one is full it becomes the old one, and what was the old one is
 * forgotten. Holds at most twice the bound; whatever was set last among the bound is there.
 *
 * Not one map in order of insertion whose oldest name is deleted: an iterator kept for that holds on to every table the map has
 * outgrown, some 50 bytes a change for ever, and a new one each time steps over all that was deleted.
 */
export class Generations<Value, Name = string> {
  readonly #maxWeight: number;
  readonly #weigh: (name: Name) => number;
  readonly #forgotten: ((values: Iterable<Value>) => void) | undefined;
  #young = new Map<Name, Value>();
  #old = new Map<Name, Value>();
  #weight = 0;

  /**
   * @param maxWeight of one generation
   * @param forgotten told what goes when a generation does
   * @param weigh default 1 for each name
   */
  constructor(maxWeight: number, forgotten?: (values: Iterable<Value>) => void, weigh: (name: Name) => number = one) {
    this.#maxWeight = maxWeight;
    this.#forgotten = forgotten;
    this.#weigh = weigh;
  }

  get isEmpty(): boolean {
    return this.#young.size === 0 && this.#old.size === 0;
  }

  get(name: Name): Value | undefined {
    return this.#young.get(name) ?? this.#old.get(name);
  }

  set(name: Name, value: Value): void {
    if (!this.#young.has(name)) {
      if (this.#weight >= this.#maxWeight) this.#turn();
      this.#weight += this.#weigh(name);
    }
    this.#young.set(name, value);
  }

  delete(name: Name): void {
    if (this.#young.delete(name)) this.#weight -= this.#weigh(name);
    this.#old.delete(name);
  }

  #turn(): void {
    this.#forgotten?.(this.#old.values());
    this.#old = this.#young;
    this.#young = new Map();
    this.#weight = 0;
  }
}

function one(): number {
  return 1;
}
