/** What the routes of every contestant answer: made anew for each request. */
export function toUser(id, verbose) {
  const user = {
    id,
    username: `user_${id}`,
    email: `user_${id}@example.com`,
    isActive: id % 3 !== 0,
    score: id / 4,
    tags: ["a", "b", "c"],
  };
  return verbose ? { ...user, note: `The note of user ${id}, which is longer than a name.` } : user;
}

/** The same as JSON schema, for who reads and writes by it. */
export const PARAMS_SCHEMA = { type: "object", properties: { id: { type: "integer", minimum: 1 } }, required: ["id"] };
export const QUERY_SCHEMA = { type: "object", properties: { verbose: { type: "boolean", default: false } } };
export const REPLY_SCHEMA = {
  type: "object",
  properties: {
    id: { type: "integer" },
    username: { type: "string" },
    email: { type: "string" },
    isActive: { type: "boolean" },
    score: { type: "number" },
    tags: { type: "array", items: { type: "string" } },
    note: { type: "string" },
  },
  required: ["id", "username", "email", "isActive", "score", "tags"],
};
