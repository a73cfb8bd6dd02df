import { readFile } from "node:fs/promises";
import { defineApi, HotpathError, type Source } from "hotpath";

const licences: Source = {
  name: "licences",
  async resolve(request) {
    if (request.subpath !== "/mit") throw new HotpathError("HP_NOT_FOUND", "There is one licence here: /mit.");
    const text = await readFile(new URL("../../LICENSE", import.meta.url), "utf8");
    return {
      status: 200,
      headers: { "content-type": "text/plain; charset=utf-8" },
      body: text,
      route: "/licences/:name",
    };
  },
};

export default defineApi({ sources: { "/licences": licences } });
