import { createAddresses } from "../client/addresses.ts";
import { createDeadlines } from "../client/deadlines.ts";
import type { CheckCount, FromWorker, ScriptJob, WorkerPlace } from "../messages.ts";
import { type ScenarioPlan, mostVus } from "../plan.ts";
import type { Runner, RunnerParts } from "../runner.ts";
import { CookieJar } from "./cookies.ts";
import { createScenario, type IteratingVu } from "./executors.ts";
import { compileScript, instantiate } from "./instance.ts";
import { createKnownUrls } from "./k6/known-urls.ts";
import { readScriptSettings } from "./script-settings.ts";
import { createChecks, Interrupted, type ScriptProcess, TestAborted, Vu } from "./vu.ts";

/** A script in a worker: what it exports, and how its parts are run. */
export interface ScriptRunner {
  readonly options: Readonly<Record<string, unknown>>;
  readonly exports: readonly string[];
  /** JSON of what `setup` answered. */
  setup(timeoutMs: number): Promise<string | undefined>;
  start(
    place: WorkerPlace,
    scenarios: readonly ScenarioPlan[],
    options: Readonly<Record<string, unknown>>,
    setupData: string | undefined,
  ): Runner;
  teardown(setupData: string | undefined, timeoutMs: number): Promise<void>;
  /** Files, by path, that `handleSummary` answered; undefined: there is no such function. */
  summarize(data: unknown): Promise<Readonly<Record<string, string>> | undefined>;
  takeChecks(): readonly CheckCount[];
  /** An error with the user's own lines. */
  describe(error: unknown): string;
}

export interface ScriptParts extends Omit<RunnerParts, "place"> {
  tell(message: FromWorker): void;
}

type Exports = Readonly<Record<string, unknown>>;
type ScriptFunction = (data: unknown) => unknown;

/** A module of a script threw; the message has its lines. */
class ScriptError extends Error {
  override readonly name = "ScriptError";
}

/** A stage took longer than it may. */
class StageTimeout extends Error {
  override readonly name = "StageTimeout";
}

/** Identical errors are shown so many times: each iteration may have one. */
const MAX_SAME_ERRORS = 3;
const MAX_COMPLAINTS = 1000;

export async function createScriptRunner(job: ScriptJob, parts: ScriptParts): Promise<ScriptRunner> {
  const { metrics, recorder, generator } = parts;
  const program = await compileScript(job.entry, job.modules);
  const settings = readScriptSettings(job.overrides, job.isInsecure, 1);
  const addresses = createAddresses();
  const deadlines = createDeadlines();
  const complain = createComplaints((message) => parts.tell(message));
  const shared: ScriptProcess = {
    metrics,
    recorder,
    addresses,
    deadlines,
    env: job.env,
    directory: job.directory,
    entry: job.entry,
    tell: (message) => parts.tell(message),
    complain,
    checks: createChecks(),
    sharedArrays: new Map(),
    files: new Map(),
    urls: createKnownUrls(),
    options: job.overrides,
    settings,
    pools: {
      addresses,
      deadlines,
      protocols: new Map(),
      tls: settings.tls,
      localAddress: undefined,
      reusesConnections: true,
    },
    own: {
      checks: metrics.define("checks", "rate", false)!,
      groupDuration: metrics.define("group_duration", "trend", true)!,
      iterationDuration: metrics.define("iteration_duration", "trend", true)!,
      iterations: metrics.define("iterations", "counter", false)!,
    },
    startedAt: 0,
    counts: { vus: 0, active: 0, completed: 0, interrupted: 0 },
    nextRequestAt: 0,
  };
  const dropped = metrics.define("dropped_iterations", "counter", false)!;
  const first = new Vu(shared, 0);
  const exports: Exports = await instantiate(program, first).catch((error: unknown) => {
    throw new ScriptError(program.describe(error));
  });
  const options = plainCopy(exports["options"]);
  const configure = (given: Readonly<Record<string, unknown>>, workers: number): void => {
    shared.options = given;
    shared.settings = readScriptSettings(given, job.isInsecure, workers);
    shared.pools = {
      ...shared.pools,
      tls: shared.settings.tls,
      localAddress: typeof given["localIPs"] === "string" ? given["localIPs"].split(",")[0] : undefined,
      reusesConnections: given["noConnectionReuse"] !== true,
    };
    shared.urls.clear({ ...hostsOf(given["hosts"]), ...job.hosts });
  };
  configure({ ...options, ...job.overrides }, 1);
  // It was made before the script could say how.
  const side = new Vu(shared, 0);
  let sideExports: Exports | undefined;
  const runSide = async (name: string, data: unknown, timeoutMs: number): Promise<unknown> => {
    sideExports ??= await instantiate(program, side);
    const run = sideExports[name];
    if (typeof run !== "function") return undefined;
    side.group = `::${name}`;
    side.tags = { ...shared.settings.tags, group: side.group };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new StageTimeout(`${name}() took longer than ${timeoutMs / 1000} s`)), timeoutMs);
    });
    try {
      const result = await Promise.race([(run as ScriptFunction)(data), late]);
      await Promise.race([side.idle(), late]);
      return result;
    } finally {
      clearTimeout(timer);
      side.group = "";
    }
  };

  const createVu = async (
    plan: ScenarioPlan,
    id: number,
    inInstance: number,
    setupData: string | undefined,
    progress: () => number,
    startedAt: () => number,
    ended: () => void,
  ): Promise<IteratingVu> => {
    const vu = new Vu(shared, id);
    vu.idInInstance = inInstance;
    vu.scenario = plan;
    vu.scenarioProgress = progress;
    Object.assign(vu.env, plan.env);
    const own: Exports = await instantiate(program, vu);
    shared.counts.vus++;
    const run = own[plan.exec] as ScriptFunction;
    const data: unknown = setupData === undefined ? undefined : JSON.parse(setupData);
    const baseTags = { ...shared.settings.tags, ...plan.tags, scenario: plan.name, group: "" };
    vu.tags = { ...baseTags };
    return {
      async iterate(dueAt, index) {
        const begunAt = performance.now();
        vu.scenarioStartedAt = startedAt();
        vu.dueAt = dueAt;
        vu.iterationInTest = index < 0 ? vu.iterationInScenario : index;
        for (const listen of vu.iterationListeners) listen(vu.id, vu.iteration);
        shared.counts.active++;
        let isInterrupted = false;
        vu.hasWaited = false;
        try {
          await run(data);
          await vu.idle();
        } catch (error) {
          isInterrupted = error instanceof Interrupted || error instanceof TestAborted || vu.isInterrupted;
          if (!isInterrupted) complain("error", program.describe(error));
        }
        isInterrupted ||= vu.isInterrupted;
        shared.counts.active--;
        if (isInterrupted) shared.counts.interrupted++;
        else {
          const ms = performance.now() - begunAt;
          shared.counts.completed++;
          shared.own.iterations.add(1, vu.tags);
          shared.own.iterationDuration.add(ms, vu.tags);
          const { minIterationMs } = shared.settings;
          if (minIterationMs > ms) await vu.pause(minIterationMs - ms).catch(() => undefined);
        }
        vu.iteration++;
        vu.iterationInScenario++;
        vu.iterationInInstance++;
        vu.group = "";
        vu.tags["group"] = "";
        if (!shared.settings.keepsCookies && !vu.jar.isEmpty) vu.jar = new CookieJar();
        if (!shared.settings.keepsConnections) vu.closeConnections();
        ended();
        return vu.hasWaited;
      },
      interrupt: () => vu.interrupt(),
      revive() {
        vu.isInterrupted = false;
      },
    };
  };

  return {
    options,
    exports: Object.keys(exports).filter((name) => typeof exports[name] === "function"),
    async setup(timeoutMs) {
      const data = await runSide("setup", undefined, timeoutMs);
      return data === undefined ? undefined : JSON.stringify(data);
    },
    start(place, scenarios, given, setupData) {
      configure(given, place.count);
      let offset = 0;
      let made = 0;
      const counts = new Map<string, () => number>();
      const running = scenarios.map((plan) => {
        const from = offset;
        offset += mostVus(plan);
        let completed = 0;
        let startAt = 0;
        const scenario = createScenario(plan, {
          place,
          generator,
          dropped,
          async createVu(index) {
            const id = from + index * place.count + place.index + 1;
            return createVu(
              plan,
              id,
              ++made,
              setupData,
              () => scenario.progress(),
              () => startAt,
              () => completed++,
            );
          },
        });
        counts.set(plan.name, () => completed);
        return { plan, scenario, began: (at: number) => (startAt = at + plan.startTimeMs) };
      });
      return {
        async run(startAt) {
          shared.startedAt = startAt;
          for (const { scenario } of running) await scenario.prepare();
          await Promise.all(
            running.map(({ scenario, began }) => {
              began(startAt);
              return scenario.run(startAt);
            }),
          );
        },
        stop: (isImmediate) => {
          for (const { scenario } of running) scenario.stop(isImmediate);
        },
        progress: () =>
          running.map(({ plan, scenario }) => ({
            scenario: plan.name,
            vus: scenario.active(),
            iterations: counts.get(plan.name)?.() ?? 0,
          })),
      };
    },
    async teardown(setupData, timeoutMs) {
      await runSide("teardown", setupData === undefined ? undefined : JSON.parse(setupData), timeoutMs);
    },
    async summarize(data) {
      const files = await runSide("handleSummary", data, SUMMARY_TIMEOUT_MS);
      if (typeof files !== "object" || files === null) return undefined;
      return Object.fromEntries(
        Object.entries(files).map(([name, content]) => [
          name,
          typeof content === "string"
            ? content
            : content instanceof ArrayBuffer
              ? Buffer.from(content).toString("utf8")
              : String(content),
        ]),
      );
    },
    takeChecks: () => shared.checks.take(),
    describe: (error) => program.describe(error),
  };
}

function createComplaints(tell: (message: FromWorker) => void): ScriptProcess["complain"] {
  const counts = new Map<string, number>();
  return (level, text) => {
    const count = (counts.get(text) ?? 0) + 1;
    if (counts.size < MAX_COMPLAINTS || counts.has(text)) counts.set(text, count);
    if (count <= MAX_SAME_ERRORS) tell({ kind: "log", level, text });
    if (count === MAX_SAME_ERRORS) tell({ kind: "log", level, text: "(the same is not shown again)" });
  };
}

const SUMMARY_TIMEOUT_MS = 120_000;

/** What travels to another process: no functions. */
function plainCopy(value: unknown): Record<string, unknown> {
  return value === undefined ? {} : (JSON.parse(JSON.stringify(value)) as Record<string, unknown>);
}

function hostsOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, target]) => [name, String(target)]));
}
