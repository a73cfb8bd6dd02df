import { HotpathError } from "../errors.ts";

/** Does work if not too much of its kind is under way. Rejects with `HP_UNAVAILABLE` otherwise. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/** @param what the work, for the message: "bulk inserts" */
export function createTurns(max: number, what: string): Turns {
  let underWay = 0;
  return async (work) => {
    if (underWay >= max) {
      throw new HotpathError("HP_UNAVAILABLE", `${max} ${what} are under way.`, { headers: { "retry-after": "1" } });
    }
    underWay++;
    try {
      return await work();
    } finally {
      underWay--;
    }
  };
}
