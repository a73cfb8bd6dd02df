import { createFlight, type Flight, type Outcome } from "./flight.ts";
import type { ClientRequest } from "./request.ts";
import { isAlike } from "./semantics.ts";
import type { StoredResponse } from "./store.ts";

/** The requests that are on their way. */
export interface Flights {
  /** One that a request may wait for instead of being sent itself. */
  find(request: ClientRequest, known: StoredResponse | undefined): Flight | undefined;
  start(request: ClientRequest, run: (flight: Flight) => Promise<Outcome>): Flight;
  /** Keeps what is on its way for these URLs out of the store, and from whoever comes now. */
  outdate(isChosen: (url: string) => boolean): void;
}

/** Builds an empty table. */
export function createFlights(): Flights {
  const byUrl = new Map<string, Set<Flight>>();
  return {
    find(request, known) {
      if (!mayWait(request)) return undefined;
      const flights = byUrl.get(request.url) ?? [];
      return [...flights].find((flight) => flight.isOpen && isAlike(flight.request, request, known));
    },
    start(request, run) {
      const flight = createFlight(request, run);
      const group = byUrl.get(request.url) ?? new Set();
      byUrl.set(request.url, group.add(flight));
      void flight.landed.finally(() => {
        group.delete(flight);
        if (group.size === 0 && byUrl.get(request.url) === group) byUrl.delete(request.url);
      });
      return flight;
    },
    outdate(isChosen) {
      for (const [url, group] of byUrl) if (isChosen(url)) for (const flight of group) flight.outdate();
    },
  };
}

/** Who asks for something newer than what is on its way must not wait for that. */
function mayWait({ cache, headers }: ClientRequest): boolean {
  return (cache === "default" || cache === "force-cache") && !("cache-control" in headers) && !("pragma" in headers);
}
