import type { Vu } from "../vu.ts";

/** `k6/data`: arrays that all VUs of a process share. */
export function createData(vu: Vu) {
  const { sharedArrays } = vu.process;
  // A function, so that `new` may answer the array itself.
  function SharedArray(name: string, make: () => unknown): readonly unknown[] {
    if (!vu.isInit) throw new Error("new SharedArray() stands at the top of a script, outside of functions that run");
    let shared = sharedArrays.get(name);
    if (shared === undefined) {
      const made = make();
      if (!Array.isArray(made)) throw new TypeError("the function of a SharedArray answers an array");
      shared = freeze(made as unknown[]);
      sharedArrays.set(name, shared);
    }
    return shared;
  }
  const module = { SharedArray };
  return { ...module, default: module };
}

function freeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
