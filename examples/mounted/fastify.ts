import Fastify from "fastify";
import { hotpath } from "hotpath/fastify";
import { api } from "./api.ts";

export const app = Fastify();

app.get("/own", () => ({ from: "fastify" }));
// It starts and ends with the application, whose own routes come first.
await app.register(hotpath(api), { paths: ["/api/*"] });
