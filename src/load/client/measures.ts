/** What was measured of one exchange: milliseconds, as k6 divides them, and bytes. */
export interface Measures {
  readonly blocked: number;
  readonly connecting: number;
  readonly tlsHandshaking: number;
  readonly sending: number;
  readonly waiting: number;
  readonly receiving: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Of a request that was never sent. */
export const UNMEASURED: Measures = {
  blocked: 0,
  connecting: 0,
  tlsHandshaking: 0,
  sending: 0,
  waiting: 0,
  receiving: 0,
  sentBytes: 0,
  receivedBytes: 0,
};
