import { parseFields } from "../../client/response-head.ts";

/** What of a reply's head changes what comes next. */
export interface ReplyFacts {
  readonly cookies: readonly string[];
  readonly location: string | undefined;
  readonly coding: string | undefined;
  readonly challenge: string | undefined;
}

const NO_FACTS: ReplyFacts = { cookies: [], location: undefined, coding: undefined, challenge: undefined };

/** Reads heads; the one before is remembered, since replies of a server are alike for as long as its clock shows the same second. */
export function createFacts(): (head: string) => ReplyFacts {
  let lastHead = "";
  let lastFacts = NO_FACTS;
  return (head) => {
    if (head === lastHead) return lastFacts;
    lastHead = head;
    lastFacts = readFacts(head);
    return lastFacts;
  };
}

function readFacts(head: string): ReplyFacts {
  if (!/\n(?:set-cookie|location|content-encoding|www-authenticate):/i.test(head)) return NO_FACTS;
  const fields = parseFields(head);
  return {
    cookies: fields.get("set-cookie") ?? [],
    location: fields.get("location")?.[0],
    coding: fields.get("content-encoding")?.join(","),
    challenge: fields.get("www-authenticate")?.[0],
  };
}
