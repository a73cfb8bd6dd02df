import { runContest } from "../contest.ts";
import { hotpath, rivals } from "../contestants.ts";
import type { Scenario } from "../context.ts";
import { toResult } from "../score-table.ts";

/** A user with what belongs to them, three levels deep. */
export const embed: Scenario = {
  name: "embed",
  summary: "A user with profile and newest 10 orders, each with its items.",
  async run(context) {
    const { shopUrl } = context.database;
    const items = "order_items(line_no,product_id,quantity,unit_price)";
    const query =
      `select=*,profiles(*),orders(id,status,total,created_at,${items})` +
      "&orders.order=created_at.desc,id&orders.limit=10&orders.order_items.order=line_no";
    return toResult(
      await runContest(
        [
          { name: "hotpath", role: "hotpath", program: hotpath(shopUrl), path: (id) => `/users/${id}?${query}` },
          ...rivals(shopUrl, { text: (id) => `/text/users/${id}/full` }),
        ],
        context,
      ),
    );
  },
};
