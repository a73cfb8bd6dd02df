import type { Eviction } from "../../src/cache/memory/eviction.ts";
import type { S3FifoNode } from "../../src/cache/memory/s3-fifo.ts";
import type { Trace } from "./traces.ts";

/** Share of a trace's requests that a cache of so many objects of equal size answers. */
export function hitRatio(policy: Eviction<S3FifoNode>, trace: Trace, maxObjects: number): number {
  const nodes = new Map<number, S3FifoNode>();
  let hits = 0;
  for (const object of trace) {
    const node = nodes.get(object);
    if (node !== undefined) {
      hits++;
      policy.touch(node);
      continue;
    }
    while (nodes.size >= maxObjects) {
      const victim = policy.evict();
      if (victim === undefined) break;
      nodes.delete(Number(victim.key));
    }
    const added: S3FifoNode = {
      key: String(object),
      bytes: 1,
      uses: 0,
      isMain: false,
      newer: undefined,
      older: undefined,
    };
    nodes.set(object, added);
    policy.add(added);
  }
  return hits / trace.length;
}
