import { Hono } from "hono";
import { around } from "hotpath/hono";

export const app = new Hono();

/** Before everything else: requests come to the application through it. */
export const pipeline = around(app, { limits: [{ name: "burst", quota: 1000, window: "1m", by: "ip" }] });
app.use(pipeline);

let made = 0;
app.get("/items/:id", (context) => {
  context.header("cache-control", "max-age=60");
  return context.json({ id: context.req.param("id"), made: ++made, words: "a rather long text ".repeat(100) });
});
app.post("/items", async (context) => context.json(await context.req.json(), 201));
