import { type Contestant, type HandWritten, handWritten, TITLES } from "../contestants.ts";
import { runContest } from "../contest.ts";
import type { Scenario } from "../context.ts";
import { toResult } from "../score-table.ts";

const SIZES: Readonly<Record<HandWritten, readonly number[]>> = {
  "fastify-pg": [4, 10, 16, 32],
  "fastify-postgres": [1, 2, 4, 10, 64],
  "fastify-pg-pipeline": [1, 2, 4, 8],
};

/** How many connections suit each rival: run by hand when a rival or the machine changes. */
export const rivalPools: Scenario = {
  name: "rival-pools",
  summary: "Reads by key by each rival over several numbers of connections; not part of all.",
  async run(context) {
    const { shopUrl } = context.database;
    const contestants = (Object.keys(SIZES) as HandWritten[]).flatMap((name) =>
      SIZES[name].map((size): Contestant => ({
        name: `${TITLES[name]}, ${size} connections`,
        role: "rival",
        program: handWritten(name, shopUrl, size),
        path: (id) => `/text/users/${id}`,
      })),
    );
    return toResult(await runContest(contestants, context));
  },
};
