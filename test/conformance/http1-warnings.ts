/** Scored HTTP/1.1 cases that end in a warning in front of routes of ours, and why; docs/conformance.md says the same. */
export const HTTP1_WARNINGS: Readonly<Record<string, string>> = {
  "COMP-LEADING-CRLF": "an empty line before a request is ignored, as RFC 9112 section 2.2 wants",
  "COMP-UPGRADE-INVALID-VER": "where no WebSocket is spoken the upgrade is ignored, which RFC 9110 section 7.8 allows",
  "MAL-CL-TAB-BEFORE-VALUE": "white space around a value is no part of it (RFC 9110 section 5.5)",
  "MAL-H2-PREFACE": "the port speaks HTTP/2: its preface is answered in HTTP/2",
  "OWN-CHUNK-EXT-BWS": "Node's parser refuses white space around a chunk extension; refusing is safe",
  "RFC9112-3-MULTI-SP-REQUEST-LINE": "Node's parser reads two spaces as one, and hands nothing on that would tell",
  "SMUG-CL-EXTRA-LEADING-SP": "white space around a value is no part of it (RFC 9110 section 5.5)",
  "SMUG-CL-TRAILING-SPACE": "white space around a value is no part of it (RFC 9110 section 5.5)",
};
