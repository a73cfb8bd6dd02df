import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BenchContext } from "../context.ts";
import type { ServerProgram } from "../server-process.ts";

/** nginx as one process, so that what it uses can be told. Its configuration is written when its port is known. */
export async function nginx(
  key: string,
  server: string,
  { folder }: BenchContext,
  command: string,
): Promise<ServerProgram> {
  const directory = join(folder, key.replaceAll(" ", "-"));
  await mkdir(directory, { recursive: true });
  return {
    key,
    command: "sh",
    environment: { NGINX: command, DIRECTORY: directory, CONFIG: config(directory, server) },
    words: (port) => ["-c", START_NGINX, String(port)],
  };
}

const START_NGINX = `printf %s "$CONFIG" | sed "s/@PORT@/$0/" > "$DIRECTORY/nginx.conf" &&
exec "$NGINX" -p "$DIRECTORY" -c "$DIRECTORY/nginx.conf"`;

function config(directory: string, http: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${directory}/${kind};`)
    .join(" ");
  return `daemon off; master_process off; pid ${directory}/nginx.pid; error_log ${directory}/error.log error;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; ${temporary}
  ${http}
}
`;
}
