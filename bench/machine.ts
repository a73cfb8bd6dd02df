import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { findCommand } from "../test/support/commands.ts";

/** Where the measured server and everything else run. `undefined`: nothing is pinned. */
export interface Cores {
  readonly server: number;
  readonly others: number;
}

/** With two cores and `taskset`: the server alone on one, the load generator and PostgreSQL on the other. */
export function chooseCores(): Cores | undefined {
  if (findCommand("taskset") === undefined || cpus().length < 2) return undefined;
  return { server: 0, others: 1 };
}

/** Pins this process, and so whatever it starts from now on: load generators and PostgreSQL. */
export function pinOurselves(cores: Cores): void {
  pinProcess(process.pid, cores.others);
}

/** Pins a process, all its threads. */
export function pinProcess(pid: number, core: number): void {
  execFileSync("taskset", ["-a", "-c", "-p", String(core), String(pid)], { stdio: "ignore" });
}

/**
 * Words before a server's command line. The server ends with us even when we are killed, where `setpriv` can say so.
 */
export function serverPrefix(cores: Cores | undefined): string[] {
  const withUs = findCommand("setpriv") === undefined ? [] : ["setpriv", "--pdeathsig", "KILL"];
  return cores === undefined ? withUs : [...withUs, "taskset", "-c", String(cores.server)];
}

/** One line on what the figures were measured on. */
export function describeMachine(cores: Cores | undefined, postgresVersion: string): string {
  const all = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const postgres = postgresVersion === "" ? "" : `, PostgreSQL ${postgresVersion}`;
  const pinned = cores === undefined ? "nothing pinned" : "server on one core, everything else on another";
  return (
    `${all.length} cores (${all[0]?.model.trim() ?? "unknown"}), ${memory}, ` +
    `Node ${process.versions.node}${postgres}; ${pinned}`
  );
}

/** Seconds of processor time of a process. Linux only, as the next three: elsewhere 0. */
export function processSeconds(pid: number): number {
  return readTimes(pid).own;
}

/** Processes that a process has started. */
export function childrenOf(pid: number): readonly number[] {
  return readText(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
}

/** Seconds of processor time of a process, its children and those of them that have ended. */
export function treeSeconds(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + readTimes(each).own + readTimes(each).ended, 0);
}

/** Seconds of processor time of a process's children that have ended. */
export function endedSeconds(pid: number): number {
  return readTimes(pid).ended;
}

/** Seconds that all processors of the machine were busy since it started. */
export function machineSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = readText("/proc/stat")
    .split("\n", 1)
    .flatMap((line) => line.split(/\s+/))
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softIrq + steal) / TICKS_PER_SECOND;
}

/** Resident memory in bytes, now and at its highest. */
export function memoryOf(pid: number): { now: number; peak: number } {
  const status = readText(`/proc/${pid}/status`);
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
  return { now: bytes("VmRSS"), peak: bytes("VmHWM") };
}

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Fields 14 to 17 of /proc/PID/stat, counted from the bracket that closes the name. */
function readTimes(pid: number): { own: number; ended: number } {
  const stat = readText(`/proc/${pid}/stat`);
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 15)
    .map(Number);
  return { own: (user + system) / TICKS_PER_SECOND, ended: (endedUser + endedSystem) / TICKS_PER_SECOND };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
