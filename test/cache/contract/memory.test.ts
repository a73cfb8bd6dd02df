import { createMemoryStore } from "../../../src/cache/memory/index.ts";
import { testStoreContract } from "../contract.ts";

testStoreContract("memory", () => Promise.resolve(createMemoryStore({ maxBytes: 10_000_000 })));
