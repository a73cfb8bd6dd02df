import { Hono } from "hono";
import { hotpath } from "hotpath/hono";
import { api } from "./api.ts";

export const app = new Hono();

app.use(hotpath(api));
app.get("/own", (context) => context.json({ from: "hono" }));
