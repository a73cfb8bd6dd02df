import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";

/** The user a server process runs as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/**
 * The account PostgreSQL must run as: `undefined` means our own. PostgreSQL refuses to run as root, so root hands it
 * to the owner of the existing data directory, else to `postgres`, else to `nobody`.
 */
export async function serverAccount(dataDirectory: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(dataDirectory).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, name: `user ${owner.uid}` };
  return (await lookUp("postgres")) ?? (await lookUp("nobody")) ?? { uid: 65_534, gid: 65_534, name: "nobody" };
}

/** `id` and not /etc/passwd: it knows every directory of users the machine has. */
async function lookUp(name: string): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all(["-u", "-g"].map(async (flag) => readId(flag, name)));
    return uid === undefined || gid === undefined || uid === 0 ? undefined : { uid, gid, name };
  } catch {
    return undefined;
  }
}

async function readId(flag: string, name: string): Promise<number> {
  const { stdout } = await promisify(execFile)("id", [flag, name], { timeout: 5000 });
  return Number.parseInt(stdout, 10);
}
