import { type FSWatcher, watch } from "node:fs";
import { registerHooks } from "node:module";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** A program's own modules, which can be loaded anew. Those of packages, and ours, stay as they are. */
export interface HotModules {
  /** What is imported from now on is loaded anew, as the files are now. */
  renew(): void;
  close(): void;
}

/** Our own modules: `src`, or `dist` where installed. */
const OWN = new URL("../", import.meta.url).href;
/** An editor writes a file in several steps, and a tool several files. */
const SETTLING_MS = 50;

/**
 * Notes which files are imported from now on, and tells when one of them changes. Modules are told apart by a number behind their URLs, as
 * Node keeps the first of each URL for good: what was loaded before stays in memory, which is for development alone.
 *
 * @param unwatched told of folders that the system does not let us watch
 */
export function watchModules(changed: () => void, unwatched: (folder: string) => void): HotModules {
  let generation = 0;
  let timer: NodeJS.Timeout | undefined;
  const files = new Set<string>();
  const folders = new Map<string, FSWatcher>();
  const refused = new Set<string>();

  const note = (file: string): void => {
    files.add(file);
    const folder = dirname(file);
    if (folders.has(folder) || refused.has(folder)) return;
    try {
      folders.set(folder, watchFolder(folder));
    } catch {
      refused.add(folder);
      unwatched(folder);
    }
  };

  const watchFolder = (folder: string): FSWatcher => {
    // Of folders, not files: editors put new files in the place of old ones.
    const watcher = watch(folder, (_event, name) => {
      if (name === null || !files.has(`${folder}/${basename(name)}`)) return;
      clearTimeout(timer);
      timer = setTimeout(changed, SETTLING_MS);
    });
    watcher.on("error", () => folders.delete(folder));
    return watcher;
  };

  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const { url } = found;
      // What is required goes by its path, which has no room for a number.
      if (!context.conditions.includes("import")) return found;
      if (!url.startsWith("file:") || url.startsWith(OWN) || url.includes("/node_modules/")) return found;
      const plain = url.replace(/[?#].*$/, "");
      note(fileURLToPath(plain));
      return { ...found, url: `${plain}?hotpath=${generation}` };
    },
  });

  return {
    renew: () => void generation++,
    close() {
      clearTimeout(timer);
      hooks.deregister();
      for (const watcher of folders.values()) watcher.close();
    },
  };
}
