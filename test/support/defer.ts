/** What support needs of a test: `t`, or `{ after }` of node:test for what a whole file shares. */
export interface TestScope {
  after(release: () => Promise<void> | void): void;
}

const releases = new WeakMap<TestScope, (() => Promise<void> | void)[]>();

/**
 * Releases something when the test has ended, in the reverse order of its calls, as things that stand on each other
 * need it: `t.after` alone runs its hooks first to last.
 */
export function defer(t: TestScope, release: () => Promise<void> | void): void {
  const known = releases.get(t);
  if (known !== undefined) {
    known.push(release);
    return;
  }
  const stack = [release];
  releases.set(t, stack);
  t.after(async () => {
    for (const each of stack.reverse()) await each();
  });
}
