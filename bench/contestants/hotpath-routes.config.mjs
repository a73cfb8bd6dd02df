import { defineApi, get } from "../../dist/index.js";
import { toUser } from "./route-reply.mjs";
import { params, query, reply } from "./route-schemas.mjs";

const handle = ({ params, query }) => toUser(params.id, query.verbose);

export default defineApi({
  routes: [
    get("/users/:id", { params, query, reply, handle }),
    get("/unchecked/:id", { params, query, handle }),
    get("/cached/:id", { params, query, reply, cache: { maxAge: "1h" }, handle }),
  ],
});
