type Callback = (...given: unknown[]) => unknown;

/** The methods of arrays that call a function, for one that has to be waited for: one element after another. */
const METHODS: Readonly<
  Record<string, (list: readonly unknown[], call: Callback, rest: readonly unknown[]) => Promise<unknown>>
> = {
  async forEach(list, call) {
    for (const [at, one] of list.entries()) await call(one, at, list);
    return undefined;
  },
  async map(list, call) {
    const results: unknown[] = [];
    for (const [at, one] of list.entries()) results.push(await call(one, at, list));
    return results;
  },
  async flatMap(list, call) {
    const results: unknown[] = [];
    for (const [at, one] of list.entries()) results.push(await call(one, at, list));
    return results.flat();
  },
  async filter(list, call) {
    const results: unknown[] = [];
    for (const [at, one] of list.entries()) if (await call(one, at, list)) results.push(one);
    return results;
  },
  async find(list, call) {
    for (const [at, one] of list.entries()) if (await call(one, at, list)) return one;
    return undefined;
  },
  async findLast(list, call) {
    for (let at = list.length - 1; at >= 0; at--) if (await call(list[at], at, list)) return list[at];
    return undefined;
  },
  async findIndex(list, call) {
    for (const [at, one] of list.entries()) if (await call(one, at, list)) return at;
    return -1;
  },
  async some(list, call) {
    for (const [at, one] of list.entries()) if (await call(one, at, list)) return true;
    return false;
  },
  async every(list, call) {
    for (const [at, one] of list.entries()) if (!(await call(one, at, list))) return false;
    return true;
  },
  async reduce(list, call, rest) {
    if (list.length === 0 && rest.length === 0) throw new TypeError("reduce of an empty array with no initial value");
    let result: unknown = rest.length > 0 ? rest[0] : list[0];
    for (let at = rest.length > 0 ? 0 : 1; at < list.length; at++) result = await call(result, list[at], at, list);
    return result;
  },
  async reduceRight(list, call, rest) {
    return METHODS["reduce"]!(
      [...list].reverse(),
      (result, one, at, all) => call(result, one, list.length - 1 - Number(at), all),
      rest,
    );
  },
};

/** `object.method(callback, …)` where the callback may have to be waited for. */
export async function iterate(
  object: unknown,
  method: string,
  isOptional: boolean,
  callback: unknown,
  ...rest: readonly unknown[]
): Promise<unknown> {
  if (isOptional && (object === undefined || object === null)) return undefined;
  if (typeof callback === "function" && typeof object === "object" && object !== null) {
    const call: Callback = (...given) => (callback as Callback)(...given);
    if (Array.isArray(object)) return METHODS[method]!(object as unknown[], call, rest);
    if (method === "forEach" && object instanceof Map) {
      for (const [key, value] of object) await call(value, key, object);
      return undefined;
    }
    if (method === "forEach" && object instanceof Set) {
      for (const value of object) await call(value, value, object);
      return undefined;
    }
  }
  const own = (object as Readonly<Record<string, Callback>>)[method];
  if (typeof own !== "function") throw new TypeError(`${method} is no function of what it is called on`);
  return own.call(object, callback, ...rest);
}
