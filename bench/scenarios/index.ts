import type { Scenario } from "../context.ts";
import { embed } from "./embed.ts";
import { list } from "./list.ts";
import { memory } from "./memory.ts";
import { readByKey } from "./read-by-key.ts";
import { startup } from "./startup.ts";

/** Every scenario, in the order `all` runs them. */
export const SCENARIOS: readonly Scenario[] = [readByKey, list, embed, memory, startup];
