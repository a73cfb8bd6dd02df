import { events, get, post } from "hotpath";
import { z } from "zod";

const Id = z.object({ id: z.coerce.number().int().positive() });

interface Product {
  readonly id: number;
  readonly name: string;
  readonly price: number;
  readonly stock: number;
}

/** What a shop's first page needs of a user, in one request and at the same time; kept until any of it changes. */
const summary = get("/users/:id/summary", {
  summary: "A user with their newest orders and what they spent",
  params: Id,
  reply: z.object({
    user: z.object({ id: z.number(), username: z.string() }),
    orders: z.array(z.object({ id: z.number(), total: z.number(), created_at: z.string() })),
    spent: z.number(),
  }),
  cache: { maxAge: "1h" },
  handle: async ({ params, sql, gather }) => {
    const { user, orders, totals } = await gather({
      user: () =>
        sql.one<{ id: number; username: string }>`select id, username, email from users where id = ${params.id}`,
      orders: () => sql<{ id: number; total: number; created_at: string }>`
        select id, total, created_at from orders where user_id = ${params.id} order by created_at desc, id limit 5`,
      totals: () => sql.one<{ spent: number }>`select spent from customer_totals where user_id = ${params.id}`,
    });
    return { user, orders, spent: totals.spent };
  },
});

/** All orders, page by page: an index makes the thousandth page as quick as the first. */
const feed = get("/orders-feed", {
  summary: "The newest orders, page by page",
  query: z.object({ status: z.enum(["pending", "paid", "shipped", "delivered", "cancelled", "refunded"]).optional() }),
  fields: true,
  handle: async ({ query, sql, page }) => {
    const wanted = query.status === undefined ? sql`` : sql`where status = ${query.status}`;
    return page(sql`select id, user_id, status, total, created_at from orders ${wanted}`, {
      by: ["-created_at", "id"],
    });
  },
});

/** A basket's products: however many ask at once, they share statements. */
const basket = post("/basket", {
  summary: "What products of a basket cost today",
  body: z.object({ products: z.array(z.number().int()).max(50) }),
  handle: async ({ body, sql }) =>
    Promise.all(
      body.products.map((id) => sql.load<Product>`select id, name, price, stock from products where id = ${id}`),
    ),
});

/** All or nothing, and what is told to whom went wrong is part of its type. */
const checkout = post("/checkout", {
  summary: "Places an order",
  body: z.object({
    user: z.number().int(),
    items: z
      .array(z.object({ product: z.number().int(), quantity: z.number().int().min(1).max(99) }))
      .min(1)
      .max(50),
  }),
  status: 201,
  errors: {
    no_such_product: { status: 404, message: "There is no such product.", details: z.object({ product: z.number() }) },
    sold_out: {
      status: 409,
      message: "There are not enough left.",
      details: z.object({ product: z.number(), left: z.number() }),
    },
  },
  handle: async ({ body, sql, fail, span }) =>
    sql.transaction(async (sql) => {
      const { id } = await sql.one<{ id: number }>`insert into orders (user_id) values (${body.user}) returning id`;
      // A part of its own in traces.
      const total = await span("take from stock", async ({ set }) => {
        set("shop.lines", body.items.length);
        let total = 0;
        for (const [line, { product, quantity }] of body.items.entries()) {
          const found = await sql.maybe<Product>`select * from products where id = ${product} for update`;
          if (found === undefined) return fail("no_such_product", { product });
          if (found.stock < quantity) return fail("sold_out", { product, left: found.stock });
          await sql`update products set stock = stock - ${quantity} where id = ${product}`;
          await sql`
            insert into order_items (order_id, line_no, product_id, quantity, unit_price)
            values (${id}, ${line + 1}, ${product}, ${quantity}, ${found.price})`;
          total += quantity * found.price;
        }
        return total;
      });
      return sql.one<{
        id: number;
        total: number;
      }>`update orders set total = ${total} where id = ${id} returning id, total`;
    }),
});

/** However many there are: fetched as the client takes them, until it leaves. */
const report = get("/orders-report", {
  summary: "All orders of a status, a line each",
  query: z.object({ status: z.string() }),
  handle: ({ query, sql }) => sql.stream`
    select o.id, u.username, o.total, o.created_at from orders o join users u on u.id = o.user_id
    where o.status = ${query.status} order by o.id`,
});

/** Dear to work out, and the same for everybody; worked out again when something was sold. */
const bestsellers = get("/bestsellers", {
  summary: "What sells best",
  auth: "none",
  cache: { maxAge: "1m", clients: "public, max-age=60" },
  handle: async ({ sql, remember }) =>
    remember.forAll(
      "bestsellers",
      "10m",
      [],
      async () => sql`
      select product_id, name, units from product_sales order by units desc, product_id limit 10`,
    ),
});

/** Tells of new orders as they come. */
const news = get("/orders-news", {
  summary: "Orders as they come, as server-sent events",
  handle: ({ sql, signal }) => {
    async function* orders() {
      let { last } = await sql.one<{ last: number }>`select max(id) as last from orders`;
      while (!signal.aborted) {
        const newer = await sql<{ id: number }>`select id, total from orders where id > ${last} order by id limit 100`;
        for (const order of newer) yield { event: "order", id: String(order.id), data: order };
        last = newer.at(-1)?.id ?? last;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
    return events(orders());
  },
});

export const routes = [summary, feed, basket, checkout, report, bestsellers, news];
