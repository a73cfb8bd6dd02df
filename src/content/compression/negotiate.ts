import { negotiateEncoding } from "../../http/accept-encoding.ts";
import type { Encoding } from "./encode.ts";

/** What an `Accept-Encoding` field comes to. */
export interface EncodingChoice {
  readonly encoding: Encoding | "identity";
  /** The client refuses content that is not encoded, so that even short content has to be. */
  readonly isForced: boolean;
}

/** Browsers and libraries send a few dozen different values. */
const MOST_REMEMBERED = 256;
const LONGEST_REMEMBERED = 128;

const UNENCODED: EncodingChoice = { encoding: "identity", isForced: false };

/** Builds a negotiator that remembers what it has parsed, in bounds. */
export function createEncodingChoice(
  encodings: readonly Encoding[],
): (acceptEncoding: string | undefined) => EncodingChoice {
  const remembered = new Map<string, EncodingChoice>();
  return (acceptEncoding) => {
    if (acceptEncoding === undefined) return UNENCODED;
    const known = remembered.get(acceptEncoding);
    if (known !== undefined) return known;
    const choice: EncodingChoice = {
      // Where nothing is acceptable the content is sent as it is, which RFC 9110 section 12.5.3 allows.
      encoding: negotiateEncoding(acceptEncoding, encodings) ?? "identity",
      isForced: negotiateEncoding(acceptEncoding, []) === undefined,
    };
    if (acceptEncoding.length <= LONGEST_REMEMBERED) {
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      remembered.set(acceptEncoding, choice);
    }
    return choice;
  };
}
