import { hash } from "node:crypto";

/**
 * Which of the servers has a name, by rendezvous hashing (Thaler and Ravishankar, 1998): the one whose hash with the name is
 * highest. A server more or less moves only the names that are on it.
 */
export function createServerChoice(servers: readonly string[]): (name: string) => number {
  if (servers.length < 2) return () => 0;
  return (name) => {
    let best = 0;
    let bestScore = "";
    for (const [at, server] of servers.entries()) {
      const score = hash("sha256", `${server}\0${name}`, "hex");
      if (score > bestScore) [best, bestScore] = [at, score];
    }
    return best;
  };
}
