import type { OptionRow } from "./option-row.ts";

const FIELD_NAME = { expression: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, words: "a header name" };
const API_KEY = {
  expression: /^[\w.@ -]{1,64}:[^:\0]{0,63}:[0-9a-f]{64}$/,
  words: "API keys as `hotpath key` prints them: name:role:hash",
};

/** Options of who may ask. */
export const AUTH_OPTIONS = [
  {
    path: "auth.jwt.secret",
    type: "string",
    default: null,
    flag: "jwt-secret",
    secret: true,
    description:
      "Key that tokens (JWT) are verified with: a text of at least 32 characters for HS256, a JWK, a JWK set, or a public key (PEM).",
  },
  {
    path: "auth.jwt.secretIsBase64",
    type: "boolean",
    default: false,
    flag: "jwt-secret-is-base64",
    description: "`auth.jwt.secret` is written in base64.",
  },
  {
    path: "auth.jwt.keysFile",
    type: "path",
    default: null,
    flag: "jwt-keys-file",
    description: "File with such a key or set; read again on SIGUSR1.",
  },
  {
    path: "auth.jwt.keysUrl",
    type: "string",
    default: null,
    flag: "jwt-keys-url",
    pattern: { expression: /^https?:\/\/[^\s/?#@]+(?:[/?]\S*)?$/i, words: "an http or https URL" },
    description:
      "URL of a JWK set, such as an identity provider's `jwks_uri`; fetched again when a token names a new key.",
  },
  {
    path: "auth.jwt.keysMaxAge",
    type: "duration",
    default: "10m",
    min: "1s",
    max: "7d",
    flag: "jwt-keys-max-age",
    description: "Age at which the set at `auth.jwt.keysUrl` is fetched again; while that fails the old one is used.",
  },
  {
    path: "auth.jwt.audience",
    type: "list",
    default: [],
    min: 0,
    max: 100,
    flag: "jwt-audience",
    description: "Audiences of which tokens must name one, unless they name none at all; empty: any.",
  },
  {
    path: "auth.jwt.issuer",
    type: "string",
    default: null,
    flag: "jwt-issuer",
    description: "Issuer that tokens must name.",
  },
  {
    path: "auth.jwt.roleClaim",
    type: "string",
    default: "$.role",
    flag: "jwt-role-claim",
    description: "Where the role stands among the claims: a JSON path such as `$.app.roles[0]`, or PostgREST's JSPath.",
  },
  {
    path: "auth.jwt.clockSkew",
    type: "duration",
    default: "30s",
    min: 0,
    max: "10m",
    flag: "jwt-clock-skew",
    description: "How far the clocks of issuer and server may differ when `exp`, `nbf` and `iat` are judged.",
  },
  {
    path: "auth.jwt.maxCached",
    type: "integer",
    default: 10_000,
    min: 0,
    max: 1_000_000,
    flag: "jwt-max-cached",
    description: "Verified tokens that are remembered, so that each is verified once; 0 verifies every request's.",
  },
  {
    path: "auth.apiKeys.keys",
    type: "list",
    default: [],
    min: 0,
    max: 1000,
    flag: "api-keys",
    pattern: API_KEY,
    description: "API keys as `name:role:hash`, as `hotpath key` prints them; the role may be empty.",
  },
  {
    path: "auth.apiKeys.file",
    type: "path",
    default: null,
    flag: "api-keys-file",
    description: "File with API keys (JSON), which can give them claims and an end; read again on SIGUSR1.",
  },
  {
    path: "auth.apiKeys.header",
    type: "string",
    default: "X-API-Key",
    flag: "api-key-header",
    pattern: FIELD_NAME,
    description: "Header field that brings an API key; `Authorization: ApiKey …` does as well.",
  },
] as const satisfies readonly OptionRow[];
