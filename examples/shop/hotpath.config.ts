import { defineApi, postgres } from "hotpath";
import { routes } from "./routes.ts";

export default defineApi({
  // Every table and view, for what needs no code.
  sources: { "/": postgres(process.env["DATABASE_URL"] ?? "postgres://localhost/shop") },
  routes,
  limits: [{ name: "checkout", quota: 60, window: "1m", by: "ip", routes: ["/checkout"] }],
});
