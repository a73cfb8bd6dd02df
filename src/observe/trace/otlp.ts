import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { Log } from "../../api/source.ts";
import { HotpathError } from "../../errors.ts";
import { VERSION } from "../../version.ts";
import type { ExportSettings } from "./environment.ts";
import type { SamplerSettings } from "./sampler.ts";
import type { TraceListener } from "./tracer.ts";

/** Traces on their way out of the process. */
export interface TraceExport extends TraceListener {
  readonly sampler: SamplerSettings;
  /** Sends what waits, for a few seconds at most. */
  close(): Promise<void>;
}

/**
 * Loads OpenTelemetry's SDK and exporter, which read their own `OTEL_*` variables (endpoint, headers, timeout, compression, batching,
 * resource).
 *
 * @throws HotpathError HP_TRACING_MISSING when the packages are not installed.
 */
export async function openTraceExport(settings: ExportSettings, log: Log): Promise<TraceExport> {
  for (const complaint of settings.complaints) log.warn({ complaint }, "tracing");
  const [{ diag, DiagLogLevel }, sdk, resources, { toReadable }, exporter] = await load(settings.protocol);
  diag.setLogger(
    {
      error: (message) => log.warn({ detail: message }, "tracing failed"),
      warn: (message) => log.warn({ detail: message }, "tracing"),
      info() {},
      debug() {},
      verbose() {},
    },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const named = resources.resourceFromAttributes({ "service.name": "hotpath", "service.version": VERSION });
  const resource = resources
    .defaultResource()
    .merge(named)
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
  const processor = new sdk.BatchSpanProcessor({ exporter, ...batching(process.env) });
  return {
    wants: (_trace, isKept) => isKept,
    sampler: settings.sampler,
    ended(ended) {
      ended.trace.isKept = true;
      for (const span of ended.trace.spans) processor.onEnd(toReadable(span, ended, resource));
    },
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, CLOSE_MS);
      await Promise.race([processor.shutdown().catch(() => undefined), promise]);
      clearTimeout(timer);
      diag.disable();
    },
  };
}

const CLOSE_MS = 3000;

/** The exporters read their variables themselves; the batch processor is told. */
function batching(environment: NodeJS.ProcessEnv): Record<string, number> {
  const read = (name: string): number | undefined => {
    const value = Number(environment[name] ?? "");
    return Number.isInteger(value) && value > 0 ? value : undefined;
  };
  const entries = {
    scheduledDelayMillis: read("OTEL_BSP_SCHEDULE_DELAY"),
    exportTimeoutMillis: read("OTEL_BSP_EXPORT_TIMEOUT"),
    maxQueueSize: read("OTEL_BSP_MAX_QUEUE_SIZE"),
    maxExportBatchSize: read("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
  };
  return Object.fromEntries(
    Object.entries(entries).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

async function load(protocol: ExportSettings["protocol"]) {
  try {
    return await Promise.all([
      import("@opentelemetry/api"),
      import("@opentelemetry/sdk-trace"),
      import("@opentelemetry/resources"),
      import("./readable-span.ts"),
      createExporter(protocol),
    ]);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    const name = protocol === "console" ? "http/protobuf" : protocol;
    throw new HotpathError("HP_TRACING_MISSING", "The variables OTEL_… switch tracing on, which needs packages.", {
      cause,
      todo: `npm install @opentelemetry/api @opentelemetry/sdk-trace @opentelemetry/resources ${EXPORTERS[name]}`,
    });
  }
}

const EXPORTERS = {
  "http/protobuf": "@opentelemetry/exporter-trace-otlp-proto",
  "http/json": "@opentelemetry/exporter-trace-otlp-http",
  grpc: "@opentelemetry/exporter-trace-otlp-grpc",
} as const;

async function createExporter(protocol: ExportSettings["protocol"]): Promise<SpanExporter> {
  switch (protocol) {
    case "grpc":
      return new (await import("@opentelemetry/exporter-trace-otlp-grpc")).OTLPTraceExporter();
    case "http/json":
      return new (await import("@opentelemetry/exporter-trace-otlp-http")).OTLPTraceExporter();
    case "http/protobuf":
      return new (await import("@opentelemetry/exporter-trace-otlp-proto")).OTLPTraceExporter();
    default:
      return new (await import("@opentelemetry/sdk-trace")).ConsoleSpanExporter();
  }
}
