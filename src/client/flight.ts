import type { Reply } from "./reply.ts";
import type { ClientRequest } from "./request.ts";
import { SharedBody } from "./shared-body.ts";

/** What came of a flight. */
export type Outcome =
  | {
      readonly kind: "miss" | "revalidated" | "stale";
      readonly reply: Reply;
      /** Whether the reply answers another request for the same URL and scope, too. */
      readonly suits: (request: ClientRequest) => boolean;
      /** Whether a request that comes after the reply's head may still read along. */
      readonly admits: () => boolean;
    }
  /** A response that only `fetch` itself can make, so that one caller alone can have it. */
  | { readonly kind: "single"; readonly response: Response };

/** One request on its way to the server, and everyone who waits for it. */
export interface Flight {
  readonly request: ClientRequest;
  readonly outcome: Promise<Outcome>;
  /** Resolves when head and body are there, or will never be. */
  readonly landed: Promise<void>;
  /** Aborts when nobody waits for the response or reads its body any more. */
  readonly signal: AbortSignal;
  /** Whether a request that comes now could wait for it, or read along. */
  readonly isOpen: boolean;
  /** Something changed on the server meanwhile: the response must not be stored, and who comes now needs a newer one. */
  readonly isOutdated: boolean;
  outdate(): void;
  /** Counts someone in. The function that it answers counts them out; calling that again does nothing. */
  hold(): () => void;
}

/** Starts a flight. */
export function createFlight(request: ClientRequest, run: (flight: Flight) => Promise<Outcome>): Flight {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let holders = 0;
  let isOutdated = false;
  let landed: Outcome | "failed" | undefined;
  const flight: Flight = {
    request,
    outcome: promise,
    landed: untilLanded(promise),
    signal: controller.signal,
    get isOpen() {
      if (isOutdated || controller.signal.aborted || landed === "failed") return false;
      return landed === undefined || (landed.kind !== "single" && landed.admits());
    },
    get isOutdated() {
      return isOutdated;
    },
    outdate() {
      isOutdated = true;
    },
    hold() {
      let isHeld = true;
      holders++;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        holders--;
        if (holders === 0) controller.abort(new DOMException("Nobody waits for the response.", "AbortError"));
      };
    },
  };
  const take = async (): Promise<Outcome> => {
    try {
      landed = await run(flight);
      return landed;
    } catch (error) {
      landed = "failed";
      throw error;
    }
  };
  resolve(take());
  return flight;
}

/** Settles as the flight's outcome does, or rejects when the signal aborts: the flight itself goes on. */
export async function join({ outcome }: Flight, signal: AbortSignal | undefined): Promise<Outcome> {
  if (signal === undefined) return outcome;
  const left = Promise.withResolvers<never>();
  const leave = (): void => left.reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([outcome, left.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

async function untilLanded(outcome: Promise<Outcome>): Promise<void> {
  try {
    const landed = await outcome;
    if (landed.kind !== "single" && landed.reply.content instanceof SharedBody) await landed.reply.content.whole;
  } catch {
    // Those who wait for the outcome hear of it.
  }
}
