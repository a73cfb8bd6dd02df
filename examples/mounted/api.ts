import { defineApi, get } from "hotpath";

let made = 0;

/** What the applications beside this file serve: one route, cached and counted. */
export const api = defineApi({
  routes: [
    get("/api/greetings/:name", {
      cache: { maxAge: "1m" },
      handle: ({ params }) => ({ greeting: `Hello ${params.name}!`, made: ++made }),
    }),
  ],
  limits: [{ name: "burst", quota: 1000, window: "1m", by: "ip" }],
});
