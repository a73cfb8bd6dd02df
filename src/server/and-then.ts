/**
 * Goes on with a value: at once where it is there, when it comes where it is promised. A request whose steps all answer at
 * once is answered at once, which `await` would never do.
 */
export function andThen<Value, Result>(
  value: Value | Promise<Value>,
  goOn: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then(goOn) : goOn(value);
}
