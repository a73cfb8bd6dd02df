import { runContest } from "../contest.ts";
import { hotpath, rivals } from "../contestants.ts";
import type { Scenario } from "../context.ts";
import { toResult } from "../score-table.ts";

/** The newest orders of a user. */
export const list: Scenario = {
  name: "list",
  summary: "The newest 20 orders of a user, five columns.",
  async run(context) {
    const { shopUrl } = context.database;
    const query = "select=id,status,total,note,created_at&order=created_at.desc,id&limit=20";
    return toResult(
      await runContest(
        [
          {
            name: "hotpath",
            role: "hotpath",
            program: hotpath(shopUrl),
            path: (id) => `/orders?user_id=eq.${id}&${query}`,
          },
          ...rivals(shopUrl, { rows: (id) => `/rows/users/${id}/orders`, text: (id) => `/text/users/${id}/orders` }),
        ],
        context,
      ),
    );
  },
};
