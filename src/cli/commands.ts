import type { Command } from "./command.ts";

/** A command as the dispatcher knows it before its file is loaded. */
export interface CommandEntry {
  readonly name: string;
  load(): Promise<Command>;
}

/** Every command, in the order of `--help`. Each file is loaded only when its command runs. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: "demo", load: async () => (await import("./demo.ts")).demo },
  { name: "serve", load: async () => (await import("./serve.ts")).serve },
  { name: "init", load: async () => (await import("./init.ts")).init },
  { name: "dev", load: async () => (await import("./dev.ts")).dev },
  { name: "postgrest", load: async () => (await import("./postgrest/command.ts")).postgrest },
  { name: "types", load: async () => (await import("./types.ts")).types },
  { name: "proto", load: async () => (await import("./proto.ts")).proto },
  { name: "track", load: async () => (await import("./track.ts")).track },
  { name: "advise", load: async () => (await import("./advise.ts")).advise },
  { name: "audit", load: async () => (await import("./audit.ts")).audit },
  { name: "key", load: async () => (await import("./key.ts")).key },
  { name: "load", load: async () => (await import("./load.ts")).load },
  { name: "deploy", load: async () => (await import("./deploy.ts")).deploy },
  { name: "purge", load: async () => (await import("./purge.ts")).purge },
];
