/**
 * Of two at random the one with fewer reads under way ("power of two choices"): near the best of all, and no herd follows when one
 * comes back.
 */
export function pickServer<T extends { readonly inFlight: number }>(
  servers: readonly T[],
  random: () => number = Math.random,
): T | undefined {
  if (servers.length < 2) return servers[0];
  const first = Math.floor(random() * servers.length);
  const second = (first + 1 + Math.floor(random() * (servers.length - 1))) % servers.length;
  const [one, other] = [servers[first] as T, servers[second] as T];
  return other.inFlight < one.inFlight ? other : one;
}
