import type { Recorded } from "./recorded.ts";

/** Keys that are written out; Artillery draws from a list, each entry as likely as another, so that frequent ones stand there several times. */
const MAX_LISTED = 100;

/** What is asked of a run without a script, for Artillery. */
export interface ArtilleryPhase {
  readonly durationSeconds: number;
  readonly rate: number;
  readonly rampTo?: number | undefined;
}

/** Artillery's YAML for recorded requests. */
export async function writeArtillery(recorded: Recorded, phases: readonly ArtilleryPhase[]): Promise<string> {
  const { stringify } = await import("yaml");
  const variables: Record<string, string[]> = {};
  const scenarios =
    recorded.visit === undefined
      ? recorded.kinds.map(({ method, path, count, keys, body }, at) => {
          const places = keys[0]?.[0].length ?? 0;
          const total = keys.reduce((sum, [, times]) => sum + times, 0);
          let url = path;
          for (let place = 0; place < places; place++) {
            const name = `key${at}_${place}`;
            // Keys of one request belong together: the lists are in step, but drawn apart, which Artillery cannot help.
            variables[name] = keys
              .flatMap(([values, times]) =>
                Array.from({ length: Math.max(1, Math.round((times / total) * MAX_LISTED)) }, () => values[place]!),
              )
              .slice(0, MAX_LISTED * 2);
            url = url.replaceAll(`{${place}}`, `{{ ${name} }}`);
          }
          return {
            name: `${method} ${path}`,
            weight: count,
            flow: [{ [method.toLowerCase()]: { url, ...bodyOf(body) } }],
          };
        })
      : [
          {
            flow: recorded.visit.flatMap(({ method, url, fields, body, pauseMs }) => [
              ...(pauseMs > 0 ? [{ think: Math.round(pauseMs / 10) / 100 }] : []),
              {
                [method.toLowerCase()]: {
                  url,
                  ...(Object.keys(fields).length > 0 && { headers: fields }),
                  ...bodyOf(body),
                },
              },
            ]),
          },
        ];
  return stringify({
    config: {
      target: recorded.base === "" ? "http://127.0.0.1:3000" : recorded.base,
      phases: phases.map(({ durationSeconds, rate, rampTo }) => ({
        duration: durationSeconds,
        arrivalRate: Math.round(rate),
        ...(rampTo !== undefined && { rampTo: Math.round(rampTo) }),
      })),
      ...(Object.keys(variables).length > 0 && { variables }),
    },
    scenarios,
  });
}

function bodyOf(body: unknown): { readonly json?: unknown; readonly body?: string } {
  if (body === undefined) return {};
  if (typeof body !== "string") return { json: body };
  try {
    return { json: JSON.parse(body) as unknown };
  } catch {
    return { body };
  }
}
