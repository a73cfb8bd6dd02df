import { ApiError, createTables } from "hotpath/client";
import type { Database } from "./database.ts";

/** The shop's tables at an address, with the types that `hotpath types` has printed. */
export function openShop(url: string, token?: string) {
  return createTables<Database>(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
}

export type Shop = ReturnType<typeof openShop>;

/** Three questions of one tick: they go out in one request. */
export async function overview(shop: Shop, userId: number) {
  const [user, orders, spent] = await Promise.all([
    shop.users.get(userId, { select: ["id", "username", "country"] }),
    shop.orders.list({
      select: ["id", "total", "status"],
      where: { user_id: userId, status: ["paid", "shipped"], total: { gte: 10 } },
      order: ["-created_at", "id"],
      limit: 5,
    }),
    shop.customer_totals.list({ where: { user_id: userId } }),
  ]);
  return { user, orders, spent: spent[0]?.spent ?? 0 };
}

/** Every order there is, some hundred at a time, for as long as somebody asks for more. */
export async function sumOf(shop: Shop, status: Database["public"]["Enums"]["order_status"], signal?: AbortSignal) {
  let sum = 0;
  for await (const order of shop.orders.each({ select: ["id", "total"], where: { status }, order: ["id"], signal })) {
    sum += order.total;
  }
  return sum;
}

/** Carried out once, however often the network makes us ask. */
export async function review(shop: Shop, productId: number, userId: number, rating: number, key: string) {
  try {
    const row = { product_id: productId, user_id: userId, rating, title: "As described" };
    const [stored] = await shop.reviews.insert(row, { idempotencyKey: key });
    return stored;
  } catch (error) {
    if (error instanceof ApiError && error.code === "23505") return "reviewed before" as const;
    throw error;
  }
}
