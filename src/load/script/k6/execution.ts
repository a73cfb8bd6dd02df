import { TestAborted, type Vu } from "../vu.ts";

/** `k6/execution`: what runs, and where it stands. */
export function createExecution(vu: Vu) {
  const { process } = vu;
  const needsScenario = (): NonNullable<Vu["scenario"]> => {
    if (vu.scenario === undefined) throw new Error("exec.scenario is known only while an iteration runs");
    return vu.scenario;
  };
  const scenario = {
    get name() {
      return needsScenario().name;
    },
    get executor() {
      return needsScenario().executor;
    },
    get startTime() {
      return Math.round(performance.timeOrigin + vu.scenarioStartedAt);
    },
    get progress() {
      return vu.scenarioProgress();
    },
    get iterationInInstance() {
      needsScenario();
      return vu.iterationInInstance;
    },
    get iterationInTest() {
      needsScenario();
      return vu.iterationInTest;
    },
  };
  const instance = {
    get iterationsInterrupted() {
      return process.counts.interrupted;
    },
    get iterationsCompleted() {
      return process.counts.completed;
    },
    get vusActive() {
      return process.counts.active;
    },
    get vusInitialized() {
      return process.counts.vus;
    },
    get currentTestRunDuration() {
      return process.startedAt === 0 ? 0 : performance.now() - process.startedAt;
    },
  };
  const tags = new Proxy<Record<string, string>>(
    {},
    {
      get: (_target, name) => vu.tags[String(name)],
      set(_target, name, value: unknown) {
        if (!["string", "number", "boolean"].includes(typeof value))
          throw new TypeError("a tag is a text, a number or a boolean");
        vu.tags[String(name)] = String(value);
        return true;
      },
      deleteProperty: (_target, name) => delete vu.tags[String(name)],
      has: (_target, name) => String(name) in vu.tags,
      ownKeys: () => Object.keys(vu.tags),
      getOwnPropertyDescriptor: (_target, name) => ({
        value: vu.tags[String(name)],
        enumerable: true,
        configurable: true,
        writable: true,
      }),
    },
  );
  const self = {
    tags,
    metrics: { tags, metadata: {} as Record<string, string> },
    get iterationInInstance() {
      return vu.iteration;
    },
    get iterationInScenario() {
      return vu.iterationInScenario;
    },
    get idInInstance() {
      return vu.idInInstance;
    },
    get idInTest() {
      return vu.id;
    },
  };
  const test = {
    abort(reason = "test aborted"): never {
      process.tell({ kind: "abort", reason });
      throw new TestAborted(reason);
    },
    get options() {
      return process.options;
    },
  };
  const module = { scenario, instance, vu: self, test };
  return { ...module, default: module };
}
