/** Notes which methods of a client's own classes are called. */
export interface MethodRecord {
  /** Those that have not been since the last time this was asked. */
  takeMissing(): readonly string[];
}

/**
 * Puts a note before each method that objects have from their classes, as published: one that comes with a new version is found as
 * well. What a class overrides nobody can call.
 */
export function recordMethods(objects: readonly object[]): MethodRecord {
  const all = new Set<string>();
  const called = new Set<string>();
  for (const object of objects) {
    const own = new Set(["constructor"]);
    let prototype = Object.getPrototypeOf(object) as object;
    while (prototype !== Object.prototype && prototype !== Error.prototype) {
      const className = prototype.constructor.name;
      for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
        if (typeof descriptor.value !== "function" || own.has(name)) continue;
        own.add(name);
        const label = `${className}.${name}`;
        if (all.has(label)) continue;
        all.add(label);
        note(prototype, name, descriptor, () => called.add(label));
      }
      prototype = Object.getPrototypeOf(prototype) as object;
    }
  }
  return {
    takeMissing() {
      const missing = [...all].filter((label) => !called.has(label));
      called.clear();
      return missing;
    },
  };
}

function note(prototype: object, name: string, descriptor: PropertyDescriptor, noteCall: () => void): void {
  const method = descriptor.value as (...args: unknown[]) => unknown;
  Object.defineProperty(prototype, name, {
    ...descriptor,
    value(this: unknown, ...args: unknown[]) {
      noteCall();
      return method.apply(this, args);
    },
  });
}
