import { defineApi, postgres } from "hotpath";

export default defineApi({
  server: { port: 8080 },
  sources: { "/api": postgres(process.env["DATABASE_URL"] ?? "postgres://localhost/shop", { maxRows: 1000 }) },
});
