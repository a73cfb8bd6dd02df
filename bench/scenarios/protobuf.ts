import { brotliDecompressSync } from "node:zlib";
import { runContest } from "../contest.ts";
import { type Contestant, contestantFile, hotpath } from "../contestants.ts";
import type { BenchContext, Scenario, ScenarioResult } from "../context.ts";
import { USERS } from "../database.ts";
import { grpcOnce, loadOverGrpc } from "../load/grpc.ts";
import { toResult } from "../score-table.ts";
import { requestTo } from "../server-process.ts";
import { shuffledIds } from "../shuffle.ts";

/** Rows of each reply. */
const ROWS = 100;
/** Behind each of these there are as many. */
const STARTS = shuffledIds(USERS).filter((id) => id <= USERS - ROWS);

/** A list of users in three forms, by the same server. */
export const protobuf: Scenario = {
  name: "protobuf",
  summary: `${ROWS} users, all eight columns, in JSON, in JSON by brotli and in Protobuf.`,
  async run(context) {
    const sizes = new Map<string, number[]>();
    const program = hotpath(context.database.shopUrl);
    const form = (
      name: string,
      role: Contestant["role"],
      headers: Readonly<Record<string, string>>,
      read: (bytes: Buffer) => unknown,
    ): Contestant => ({
      name,
      role,
      program,
      path: listPath,
      headers: () => headers,
      async ask(port, id) {
        const bytes = await fetchBytes(program, port, listPath(id), headers);
        sizes.set(name, [...(sizes.get(name) ?? []), bytes.length]);
        return read(bytes);
      },
    });
    const { plainUsers } = await shopProto();
    const contestants = [
      form("Protobuf", "hotpath", { Accept: "application/x-protobuf" }, plainUsers),
      form("JSON", "rival", { Accept: "application/json" }, readJson),
      form("JSON, brotli", "rival", { Accept: "application/json", "Accept-Encoding": "br" }, (bytes) =>
        readJson(brotliDecompressSync(bytes)),
      ),
    ];
    const result = toResult(await runContest(contestants, context, undefined, undefined, STARTS));
    const means = [...sizes].map(([name, all]) => `${name} ${Math.round(all.reduce((a, b) => a + b, 0) / all.length)}`);
    return { ...result, notes: [...result.notes, `Bytes of content: ${means.join(", ")}.`] };
  },
};

/** The same list by gRPC, beside gRPC's own server for Node. */
export const grpc: Scenario = {
  name: "grpc",
  summary: `${ROWS} users, all eight columns, by unary gRPC calls.`,
  async run(context) {
    const { ListRequest, plainUsers } = await shopProto();
    const path = (id: number): string => {
      const message = ListRequest.encode({ filter: `id=gt.${id}`, order: "id", limit: ROWS }).finish();
      return `/hotpath.api.UsersService/List?${Buffer.from(message).toString("base64url")}`;
    };
    const ask = async (port: number, id: number): Promise<unknown> => plainUsers(await grpcOnce(port, path(id)));
    const contestants: Contestant[] = [
      {
        name: "hotpath",
        role: "hotpath",
        program: { ...hotpath(context.database.shopUrl), key: "hotpath gRPC", isHttp2: true },
        path,
        ask,
      },
      ...[10, 32].map((connections): Contestant => ({
        name: `@grpc/grpc-js + pg (${connections})`,
        role: "rival",
        program: {
          key: `grpc-js over ${connections}`,
          words: () => [contestantFile("grpc-js")],
          environment: { DATABASE_URL: context.database.shopUrl, POOL_MAX: String(connections) },
          isHttp2: true,
        },
        path,
        ask,
      })),
    ];
    const own: BenchContext = { ...context, generate: loadOverGrpc };
    const result: ScenarioResult = toResult(await runContest(contestants, own, null, undefined, STARTS));
    return { ...result, notes: [...result.notes, "The load came from node:http2."] };
  },
};

function readJson(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString());
}

function listPath(id: number): string {
  return `/users?id=gt.${id}&order=id&limit=${ROWS}`;
}

async function fetchBytes(
  program: Contestant["program"],
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = requestTo(program, port, path, 10_000, headers);
    request.once("error", reject);
    request.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => resolve(Buffer.concat(chunks)));
    });
    request.end();
  });
}

interface ShopProto {
  readonly ListRequest: { encode(message: object): { finish(): Uint8Array } };
  readonly plainUsers: (bytes: Buffer) => unknown;
}

/** What the servers of that folder use, too. */
async function shopProto(): Promise<ShopProto> {
  const file = "../contestants/shop-proto.mjs";
  return (await import(file)) as ShopProto;
}
