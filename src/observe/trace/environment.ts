import type { SamplerSettings } from "./sampler.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** How traces leave the process, as OpenTelemetry's standard variables say. */
export interface ExportSettings {
  readonly protocol: "http/protobuf" | "http/json" | "grpc" | "console";
  readonly sampler: SamplerSettings;
  /** What the variables ask for that is not heeded, in words. */
  readonly complaints: readonly string[];
}

/**
 * Reads the variables; undefined: nothing switches tracing on. They do when they name an endpoint or an exporter; the endpoint that the
 * specification falls back to would have every server send to a port where nobody listens.
 *
 * Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function readTraceEnvironment(environment: Environment): ExportSettings | undefined {
  const read = (name: string): string => environment[name]?.trim() ?? "";
  const exporter = read("OTEL_TRACES_EXPORTER").toLowerCase();
  const endpoint = read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") || read("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (read("OTEL_SDK_DISABLED").toLowerCase() === "true" || exporter === "none") return undefined;
  if (exporter === "" && endpoint === "") return undefined;
  const complaints: string[] = [];
  const sampler = readSampler(read("OTEL_TRACES_SAMPLER"), read("OTEL_TRACES_SAMPLER_ARG"), complaints);
  const propagators = read("OTEL_PROPAGATORS");
  if (propagators !== "" && !propagators.split(",").some((name) => name.trim() === "tracecontext")) {
    complaints.push(`OTEL_PROPAGATORS=${propagators}: hotpath speaks tracecontext, and passes baggage on`);
  }
  if (exporter === "console") return { protocol: "console", sampler, complaints };
  if (exporter !== "" && exporter !== "otlp") complaints.push(`OTEL_TRACES_EXPORTER=${exporter}: otlp is used`);
  const named = read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") || read("OTEL_EXPORTER_OTLP_PROTOCOL");
  const protocol = PROTOCOLS.find((known) => known === named) ?? "http/protobuf";
  if (named !== "" && named !== protocol) complaints.push(`OTEL_EXPORTER_OTLP_PROTOCOL=${named}: ${protocol} is used`);
  return { protocol, sampler, complaints };
}

const PROTOCOLS = ["http/protobuf", "http/json", "grpc"] as const;

function readSampler(name: string, argument: string, complaints: string[]): SamplerSettings {
  const heedsParent = name === "" || name.startsWith("parentbased_");
  switch (name) {
    case "":
    case "always_on":
    case "parentbased_always_on":
      return { ratio: 1, heedsParent };
    case "always_off":
    case "parentbased_always_off":
      return { ratio: 0, heedsParent };
    case "traceidratio":
    case "parentbased_traceidratio":
      return { ratio: readRatio(argument, complaints), heedsParent };
    default:
      complaints.push(`OTEL_TRACES_SAMPLER=${name}: parentbased_always_on is used`);
      return { ratio: 1, heedsParent: true };
  }
}

function readRatio(argument: string, complaints: string[]): number {
  const ratio = argument === "" ? 1 : Number(argument);
  if (ratio >= 0 && ratio <= 1) return ratio;
  complaints.push(`OTEL_TRACES_SAMPLER_ARG=${argument}: a share is from 0 to 1; 1 is used`);
  return 1;
}
