/** Tests of http-tests/cache-tests, required and optimal, that do not pass through hotpath, each with its reason. docs/conformance.md has the same list. */
export const HTTP_CACHE_FAILURES: Readonly<Record<string, string>> = {
  "headers-store-Set-Cookie": "a reply with a cookie and max-age alone would hand one client's session to the next",
  "other-set-cookie": "as headers-store-Set-Cookie",
  "conditional-lm-fresh-no-lm":
    "wants a 304 for a date before the reply's own, which RFC 9111 section 4.3.2 does not allow",
  "partial-store-partial-reuse-partial":
    "its origin sends five bytes and calls them bytes 4-9: lying replies are not stored",
  "partial-store-partial-reuse-partial-byterange": "as partial-store-partial-reuse-partial",
  "partial-store-partial-reuse-partial-absent": "as partial-store-partial-reuse-partial",
  "partial-store-partial-reuse-partial-suffix": "as partial-store-partial-reuse-partial",
  "partial-store-partial-complete":
    "wants the rest fetched of a part without a strong validator, which could not be joined to it",
};
