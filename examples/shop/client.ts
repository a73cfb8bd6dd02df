import { createRoutes } from "hotpath/client";
import type { routes } from "./routes.ts";

/** Buys the first products of a basket that are there, and answers what the user's page then shows. */
export async function buy(url: string, user: number, products: readonly number[]) {
  const shop = createRoutes<typeof routes>(url);
  const basket = await shop.post("/basket", { body: { products: [...products] } });
  const items = basket.flatMap((found) =>
    found !== undefined && found !== null && found.stock > 0 ? [{ product: found.id, quantity: 1 }] : [],
  );
  const order = await shop.post("/checkout", { body: { user, items } });
  const { orders } = await shop.get("/users/:id/summary", { params: { id: user } });
  return { order, newest: orders[0] };
}
