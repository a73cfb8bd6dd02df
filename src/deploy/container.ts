import { formatYaml, type Yaml } from "./yaml.ts";

/** A Dockerfile for a project that has hotpath among its dependencies: its packages in one stage, what runs in the other. */
export function dockerfile(port: number): string {
  return `# syntax=docker/dockerfile:1
FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --no-audit --no-fund

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
ENV NODE_ENV=production \\
    HOTPATH_HOST=0.0.0.0 \\
    MALLOC_ARENA_MAX=1
COPY --from=packages --chown=root:root /app/node_modules ./node_modules
COPY --chown=root:root . .
USER 10001
EXPOSE ${port}
# Written to nothing: it may be run with a read-only root.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=4", "--heap-growing-percent=50", "node_modules/hotpath/dist/cli/main.js"]
CMD ["serve"]
`;
}

/** What a Dockerfile's build must not take in. */
export function dockerignore(): string {
  return ["node_modules", ".git", ".env*", "*.md", "test", "Dockerfile", "compose.yaml", ""].join("\n");
}

/**
 * The whole stack on one machine, to be reached from it alone: the API, PostgreSQL that tells of changes, Redis, Prometheus and Grafana. Redis forgets
 * what expires anyway, and never where purges are.
 */
export function composeFile(port: number): string {
  return formatYaml([
    {
      name: "hotpath",
      services: {
        api: {
          build: ".",
          ports: [`127.0.0.1:${port}:${port}`],
          environment: {
            HOTPATH_PORT: String(port),
            HOTPATH_DATABASE_URL: "postgres://postgres:${POSTGRES_PASSWORD:?}@postgres:5432/app",
            HOTPATH_CACHE_REDIS: "redis://redis:6379",
            HOTPATH_ADMIN_HOST: "0.0.0.0",
            HOTPATH_ADMIN_TOKEN: "${ADMIN_TOKEN:?}",
            HOTPATH_ADMIN_ALLOWED_HOSTS: "*",
            HOTPATH_WORKERS: "auto",
          },
          read_only: true,
          cap_drop: ["ALL"],
          security_opt: ["no-new-privileges:true"],
          stop_grace_period: "20s",
          restart: "unless-stopped",
          depends_on: { postgres: { condition: "service_healthy" }, redis: { condition: "service_healthy" } },
        },
        postgres: {
          image: "postgres:18",
          command: ["postgres", "-c", "wal_level=logical"],
          environment: { POSTGRES_DB: "app", POSTGRES_PASSWORD: "${POSTGRES_PASSWORD:?}" },
          volumes: ["postgres:/var/lib/postgresql"],
          healthcheck: healthy(["CMD", "pg_isready", "-U", "postgres"]),
          restart: "unless-stopped",
        },
        redis: {
          image: "valkey/valkey:8",
          command: ["valkey-server", "--save", "", "--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru"],
          healthcheck: healthy(["CMD", "valkey-cli", "ping"]),
          restart: "unless-stopped",
        },
        prometheus: {
          image: "prom/prometheus:v3.5.0",
          volumes: [
            "./prometheus.yml:/etc/prometheus/prometheus.yml:ro",
            "./hotpath.rules.yml:/etc/prometheus/hotpath.rules.yml:ro",
          ],
          restart: "unless-stopped",
        },
        grafana: {
          image: "grafana/grafana:12.1.0",
          ports: ["127.0.0.1:3030:3000"],
          restart: "unless-stopped",
        },
      },
      volumes: { postgres: {} },
    },
  ]);
}

function healthy(test: readonly string[]): Yaml {
  return { test, interval: "5s", timeout: "3s", retries: 10 };
}
