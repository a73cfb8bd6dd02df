/** What a server answered instead of what was asked for. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /** `HP_…`, `PGRST…`, a code of PostgreSQL, or one that a route declares. */
  readonly code: string | undefined;
  /** Everything it said, where that was JSON. */
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    const { code, message, detail } = (typeof body === "object" && body !== null ? body : {}) as Record<
      string,
      unknown
    >;
    const words = typeof detail === "string" ? detail : typeof message === "string" ? message : `status ${status}`;
    super(words);
    this.status = status;
    this.code = typeof code === "string" ? code : undefined;
    this.body = body;
  }
}
