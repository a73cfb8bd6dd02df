import type { Address } from "./address.ts";

/**
 * Picks the address of the next request: of two healthy ones at random the one with less in flight ("power of two choices"),
 * which comes near the best of all at the cost of two looks and, unlike the best of all, sends no herd to an address that
 * has just come back.
 *
 * Addresses that are out are tried when their time is over. All of them are never out at once: where none is healthy, each
 * may be tried, a few requests at a time.
 *
 * @param tried addresses that this request has failed at: taken only when there is no other
 * @returns `undefined` when every address that may be asked has as much as it can take
 */
export function pickAddress(
  addresses: readonly Address[],
  tried: readonly Address[],
  nowMs: number,
  random: () => number = Math.random,
): Address | undefined {
  if (addresses.length === 1) {
    const only = addresses[0] as Address;
    return only.hasRoom() ? only : undefined;
  }
  const untried = tried.length === 0 ? addresses : addresses.filter((address) => !tried.includes(address));
  const offered = untried.length > 0 ? untried : addresses;
  const onTrial = offered.find((address) => address.isOnTrial(nowMs) && address.inFlight === 0);
  if (onTrial !== undefined) return onTrial;
  const healthy = offered.filter((address) => address.isHealthy());
  const usable = (healthy.length > 0 ? healthy : offered).filter((address) => address.hasRoom());
  if (usable.length < 2) return usable[0];
  const first = Math.floor(random() * usable.length);
  const second = (first + 1 + Math.floor(random() * (usable.length - 1))) % usable.length;
  const [one, other] = [usable[first] as Address, usable[second] as Address];
  return other.inFlight < one.inFlight ? other : one;
}
