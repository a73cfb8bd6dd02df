/** What k6's functions take beside URL and body. */
export type Params = Readonly<Record<string, unknown>>;
