import type { CheckName } from "./finding.ts";

/** How to mend something, by what serves the API. */
export interface Fix {
  readonly hotpath: string;
  readonly nginx: string;
  readonly express: string;
  readonly fastify: string;
}

/** Of each check: what to do. */
export const FIXES: Readonly<Record<CheckName, Fix>> = {
  "validator-missing": {
    hotpath: "Nothing to do: every reply gets a strong ETag.",
    nginx: "etag on; for files. For a proxied API: have the application send an ETag.",
    express: 'app.set("etag", "weak") (the default), and answer by res.send or res.json.',
    fastify: "Register @fastify/etag.",
  },
  "validator-ignored": {
    hotpath: "Nothing to do: conditional requests are answered 304.",
    nginx:
      "proxy_cache with proxy_cache_revalidate on; or let If-None-Match through (proxy_set_header If-None-Match $http_if_none_match;).",
    express: "Answer by res.send or res.json, which compare req.fresh; or end with 304 where req.fresh is true.",
    fastify: "Register @fastify/etag, which answers 304.",
  },
  "validator-unstable": {
    hotpath: "Nothing to do: the tag is a hash of the content.",
    nginx: "Serve a file from one path and time on all machines; or hash the content in the application.",
    express: "Set no ETag of your own that holds a time or a random part; the default is made from the content.",
    fastify: "Use @fastify/etag, which hashes the content.",
  },
  "validator-lies": {
    hotpath: "Nothing to do: tags differ by content and by coding.",
    nginx:
      "Update nginx (gzip weakens tags since 1.7.3), and leave no strong tag of the application's on what a module changes.",
    express: "Make the tag from what is sent; behind `compression` use weak tags.",
    fastify: "Make the tag from what is sent; with @fastify/compress use weak tags (@fastify/etag: weak: true).",
  },
  "freshness-unsaid": {
    hotpath:
      "Nothing to do: `no-cache` with a validator is the default; http.defaultCacheControl or a route's cache says more.",
    nginx: 'add_header Cache-Control "no-cache"; or a max-age that fits.',
    express: 'res.set("Cache-Control", "no-cache") or "public, max-age=60".',
    fastify: 'reply.header("Cache-Control", "no-cache") or "public, max-age=60".',
  },
  "private-for-all": {
    hotpath:
      "Declare the route's cache (maxAge); replies of tables are cached inside anyway, by identity where that matters.",
    nginx: "proxy_hide_header Cache-Control; add_header Cache-Control …, for the paths that are the same for all.",
    express: 'res.set("Cache-Control", "public, max-age=60, stale-while-revalidate=300") on those routes.',
    fastify: 'reply.header("Cache-Control", "public, max-age=60, stale-while-revalidate=300") on those routes.',
  },
  "vary-missing": {
    hotpath: "Nothing to do: Vary names what a reply was chosen by.",
    nginx: "gzip_vary on; and add_header Vary Origin always; where permissions repeat the origin.",
    express: 'res.vary("Accept-Encoding"), res.vary("Accept") (res.format does it), res.vary("Origin") (cors does it).',
    fastify: "@fastify/compress and @fastify/cors set it; for Accept: reply.header('Vary', 'Accept').",
  },
  "vary-star": {
    hotpath: "Nothing to do for tables and routes; an upstream's Vary: * is passed on: mend it there.",
    nginx: "Take it away: proxy_hide_header Vary; then name what the reply depends on.",
    express: "Name the fields that the reply depends on: res.vary(…).",
    fastify: "Name the fields that the reply depends on.",
  },
  "compression-missing": {
    hotpath: "Nothing to do: zstd, br and gzip are on by default.",
    nginx: "gzip on; gzip_types application/json; gzip_proxied any; gzip_vary on;",
    express: "app.use(compression()).",
    fastify: "Register @fastify/compress.",
  },
  "compression-tiny": {
    hotpath: "Nothing to do, or raise compression.fromBytes.",
    nginx: "gzip_min_length 1000;",
    express: "compression({ threshold: 1024 }), the default.",
    fastify: "@fastify/compress with threshold: 1024, the default.",
  },
  "compression-forced": {
    hotpath: "Nothing to do: the coding follows Accept-Encoding.",
    nginx: "Let gzip or gzip_static choose instead of adding Content-Encoding by hand; gunzip on; for stored replies.",
    express: "Let `compression` choose instead of setting Content-Encoding by hand.",
    fastify: "Let @fastify/compress choose instead of setting Content-Encoding by hand.",
  },
  "http2-missing": {
    hotpath: "Set server.tls.cert and server.tls.key: HTTP/2 comes with TLS.",
    nginx: "http2 on; in the server block (listen … ssl http2; before 1.25.1).",
    express: "Put a proxy that speaks HTTP/2 in front: hotpath, nginx.",
    fastify: "Fastify({ http2: true, https: { allowHTTP1: true, key, cert } }).",
  },
  "keep-alive-missing": {
    hotpath: "Nothing to do: connections are kept.",
    nginx:
      'keepalive_timeout 65s; (not 0), and to upstreams: keepalive, proxy_http_version 1.1, proxy_set_header Connection "".',
    express: "Set no Connection: close; let server.keepAliveTimeout be above 0.",
    fastify: "Let keepAliveTimeout be above 0, and forceCloseConnections false.",
  },
  "tls-resumption-missing": {
    hotpath: "Nothing to do on one node; several need a balancer that keeps clients on one, or ends TLS itself.",
    nginx:
      "ssl_session_cache shared:TLS:10m; ssl_session_tickets on; with one ssl_session_ticket_key for all machines.",
    express: "https.createServer keeps tickets; several processes need one ticketKeys.",
    fastify: "https.ticketKeys, the same for all processes.",
  },
  "offset-pages": {
    hotpath: "Nothing to do: with an order and a limit, Link names the next page by a cursor (after=…).",
    nginx: "A matter of the application.",
    express:
      "Page by the last row's keys: where (created_at, id) < ($1, $2) order by created_at desc, id desc limit 20.",
    fastify:
      "Page by the last row's keys: where (created_at, id) < ($1, $2) order by created_at desc, id desc limit 20.",
  },
  "unbounded-list": {
    hotpath: "Set maxRows on the source.",
    nginx: "A matter of the application.",
    express: "Take a limit with a highest value, and say in Link where it goes on.",
    fastify: "Take a limit with a highest value in the schema, and say in Link where it goes on.",
  },
  "over-fetching": {
    hotpath: "Clients choose: select=id,name for tables, fields=id,name for upstreams and routes.",
    nginx: "A matter of the application, or of hotpath in front of it.",
    express: "Take a list of fields, and select those columns.",
    fastify: "Take a list of fields, and select those columns; a response schema leaves the others out.",
  },
  "n-plus-one": {
    hotpath: "Embed: select=*,other(*) is one statement. In routes `load` gathers what is asked for row by row.",
    nginx: "A matter of the application.",
    express: "Fetch what belongs to the rows in one query (where id = any($1), a join), or through DataLoader.",
    fastify: "Fetch what belongs to the rows in one query (where id = any($1), a join), or through DataLoader.",
  },
  "one-at-a-time": {
    hotpath:
      "In handlers: gather, and nothing that blocks the event loop; raise pool.max if connections are what is waited for.",
    nginx: "More worker_connections, and more than one connection to the application.",
    express:
      "Await instead of …Sync calls; put work of the processor into worker threads; a pool instead of one connection.",
    fastify:
      "Await instead of …Sync calls; put work of the processor into worker threads; a pool instead of one connection.",
  },
  stampede: {
    hotpath: "Nothing to do: one request fetches, the others wait, or get what is stale but usable.",
    nginx: "proxy_cache_lock on; proxy_cache_use_stale updating; proxy_cache_background_update on;",
    express: "Share the promise of a fetch under way by its key; serve stale while it runs.",
    fastify: "Share the promise of a fetch under way by its key (async-cache-dedupe).",
  },
  "tail-latency": {
    hotpath: "See the slowest requests in the dashboard: by stage, statement and wait for a connection.",
    nginx: "Log $upstream_response_time, and see which requests are slow.",
    express: "Measure: garbage collection, waits for the pool, statements without an index (hotpath advise).",
    fastify: "Measure: garbage collection, waits for the pool, statements without an index (hotpath advise).",
  },
  "cold-start": {
    hotpath: "pool.min keeps connections open; a cache in Redis survives restarts.",
    nginx: "proxy_cache on a disk survives restarts.",
    express: "Open the pool's connections, and load what is heavy, before the first request.",
    fastify: "Open the pool's connections, and load what is heavy, in onReady.",
  },
  "rate-limit-unsaid": {
    hotpath: "Declare limits: RateLimit and RateLimit-Policy come with them.",
    nginx: "limit_req refuses but says nothing; add_header RateLimit-Policy by hand.",
    express: 'express-rate-limit with standardHeaders: "draft-8".',
    fastify: "@fastify/rate-limit with enableDraftSpec: true.",
  },
  "server-timing-missing": {
    hotpath: "Set http.serverTiming.",
    nginx:
      'add_header Server-Timing "upstream;dur=$upstream_response_time" (in seconds: the application does it better).',
    express: 'res.set("Server-Timing", "db;dur=12.3"), or the package server-timing.',
    fastify: 'reply.header("Server-Timing", "db;dur=12.3").',
  },
  "trace-context-unsaid": {
    hotpath: "Set http.traceHeader, e.g. x-request-id; traceparent is taken up anyway.",
    nginx: "add_header X-Request-Id $request_id always; and proxy_set_header traceparent $http_traceparent;",
    express: "OpenTelemetry's instrumentation takes traceparent; name the trace in traceresponse.",
    fastify: "requestIdHeader and an onSend hook; OpenTelemetry's instrumentation takes traceparent.",
  },
};
