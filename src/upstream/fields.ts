import { hash } from "node:crypto";
import type { UpstreamSettings } from "../api/settings.ts";
import type { SourceReply } from "../api/source.ts";
import {
  type FieldSelection,
  formatFieldSelection,
  parseFieldSelection,
  selectFieldsOfJson,
} from "../content/fields/index.ts";
import { type TagMapping, selectedTags } from "./entity-tags.ts";
import { takeParameter } from "./target.ts";

/** What a request wants picked out of its reply. */
export interface WantedFields {
  readonly selection: FieldSelection;
  readonly tags: TagMapping;
}

/** Reads the selection of a request's target. */
export interface FieldReader {
  /** `wanted` is absent where nothing is selected; `target` is what to forward. Throws HP_FIELDS_INVALID. */
  read(target: string): { readonly target: string; readonly wanted: WantedFields | undefined };
}

/** `undefined` where field selection is off. */
export function createFieldReader({ parameter, forward }: UpstreamSettings["fields"]): FieldReader | undefined {
  if (parameter === null) return undefined;
  return {
    read(target) {
      const { value, rest } = takeParameter(target, parameter);
      if (value === undefined) return { target, wanted: undefined };
      const selection = parseFieldSelection(value);
      const mark = `f${hash("sha256", formatFieldSelection(selection), "base64url").slice(0, MARK_LENGTH)}`;
      return { target: forward ? target : rest, wanted: { selection, tags: selectedTags(mark) } };
    },
  };
}

/** 60 bits: two selections of one URL that share a mark would have to be sought for. */
const MARK_LENGTH = 10;

/** Whether fields can be picked from a reply: whole JSON, in full, not coded. */
export function isSelectable({ status, headers }: SourceReply): boolean {
  const type = headers["content-type"];
  const isJson = typeof type === "string" && /^application\/(?:[\w.+-]+\+)?json(?:\s*;|\s*$)/i.test(type);
  return isJson && status >= 200 && status < 300 && status !== 206 && headers["content-encoding"] === undefined;
}

/**
 * Picks the fields, in place. The content is another than the upstream's, and so are its validators: a tag is marked with the
 * selection, digests and ranges go. A reply that came as a stream is too large and stays whole, as does what is no JSON.
 */
export function selectFromReply(reply: SourceReply, { selection, tags }: WantedFields): void {
  if (!isSelectable(reply)) return;
  const { body, headers } = reply;
  if (body instanceof Uint8Array) {
    const selected = selectFieldsOfJson(body, selection);
    if (selected === undefined) return;
    reply.body = selected;
  } else if (body !== undefined) {
    return;
  }
  for (const name of ["content-length", "content-md5", "content-digest", "repr-digest", "accept-ranges"]) {
    delete headers[name];
  }
  if (typeof headers["etag"] === "string") headers["etag"] = tags.fromUpstream(headers["etag"]);
}
