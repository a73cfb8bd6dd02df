import { runContest } from "../contest.ts";
import { hotpath, rivals } from "../contestants.ts";
import type { Scenario } from "../context.ts";
import { toResult } from "../score-table.ts";

/** One user by id, all columns. */
export const readByKey: Scenario = {
  name: "read-by-key",
  summary: "One user by id, all eight columns.",
  async run(context) {
    const { shopUrl } = context.database;
    const program = hotpath(shopUrl);
    return toResult(
      await runContest(
        [
          { name: "hotpath, /users/ID", role: "hotpath", program, path: (id) => `/users/${id}` },
          {
            name: "hotpath, /users?id=eq.ID",
            role: "hotpath",
            program,
            path: (id) => `/users?id=eq.${id}&select=*`,
            unwrap: (json) => (Array.isArray(json) ? json[0] : json),
          },
          ...rivals(shopUrl, { rows: (id) => `/rows/users/${id}`, text: (id) => `/text/users/${id}` }),
        ],
        context,
      ),
    );
  },
};
