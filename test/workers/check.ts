// What `npm run check:workers` runs: workers are killed and reloaded, again and again, while clients send requests without a pause.
//
//   npm run check:workers -- --kills 200 --reloads 200 --clients 8
import { parseArgs } from "node:util";
import { runCheck } from "../support/check-scope.ts";
import { disturb } from "./disturb.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    reloads: { type: "string", default: "200" },
    clients: { type: "string", default: "8" },
  },
});
await runCheck(async (scope) => {
  const outcome = await disturb(scope, {
    kills: Number(values.kills),
    reloads: Number(values.reloads),
    clients: Number(values.clients),
    say: scope.say,
  });
  const { answered, failed, retriedAtKills, retriedAtReloads, kills, reloads } = outcome;
  for (const line of failed.slice(0, 20)) scope.say(line);
  scope.say(
    `${reloads} reloads, ${kills} kills: ${answered} answers, ${failed.length} failed; sent again: ${retriedAtReloads} at reloads, ${retriedAtKills} at kills`,
  );
  if (failed.length > 0) process.exitCode = 1;
});
