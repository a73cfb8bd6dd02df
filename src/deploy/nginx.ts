/** Where the API is, and what is in front of it. */
export interface Edge {
  /** `host:port` of the API. */
  readonly origins: readonly string[];
  /** Port that the edge listens on. */
  readonly port: number;
  /** Where nginx keeps replies. */
  readonly folder: string;
  /** Certificate and key: with them it speaks TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Whether nginx has the brotli module. */
  readonly brotli: boolean;
}

const TYPES =
  "application/json application/problem+json application/geo+json application/openapi+json text/csv text/plain";

/**
 * An nginx in front of the API, as a file to include in its `http` block.
 *
 * It keeps what the API lets shared caches keep, under the URL, the host and the method; a reply that varies is kept for each of what it varies by
 * (nginx heeds `Vary` itself). Requests with credentials go by the cache, for nginx would give one's reply to another.
 */
export function nginxConfiguration({ origins, port, folder, tls, brotli }: Edge): string {
  const servers = origins.map((origin) => `  server ${origin} max_fails=3 fail_timeout=5s;`).join("\n");
  const listen =
    tls === undefined
      ? `  listen ${port};
  # HTTP/2 without TLS, by prior knowledge, wants a port that speaks nothing else; browsers use it with TLS only.`
      : `  # From nginx 1.25.1 on also written as \`http2 on\`.
  listen ${port} ssl http2;
  ssl_certificate ${tls.cert};
  ssl_certificate_key ${tls.key};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:hotpath_tls:10m;`;
  return `upstream hotpath {
  least_conn;
${servers}
  keepalive 64;
}

proxy_cache_path ${folder} levels=1:2 keys_zone=hotpath:32m max_size=4g inactive=1h use_temp_path=off;

# Whoever brings credentials gets what is for them alone: neither looked up nor kept.
map "$http_authorization$http_apikey$http_x_api_key$http_cookie" $hotpath_private {
  default 1;
  "" 0;
}

server {
${listen}

  # Rows may be long; the API has its own limit.
  client_max_body_size 0;
  gzip on;
  gzip_proxied any;
  gzip_vary on;
  gzip_min_length 1024;
  gzip_types ${TYPES};
${brotli ? `  brotli on;\n  brotli_min_length 1024;\n  brotli_types ${TYPES};\n` : ""}
  location / {
    proxy_pass http://hotpath;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    # One stored form for all: nginx compresses on its way out.
    proxy_set_header Accept-Encoding "";

    proxy_cache hotpath;
    proxy_cache_key "$request_method $scheme://$http_host$request_uri";
    proxy_cache_methods GET HEAD;
    proxy_cache_bypass $hotpath_private;
    proxy_no_cache $hotpath_private;
    # What is out of date is asked for with its ETag, by one request; the others get the old reply, or wait.
    proxy_cache_revalidate on;
    proxy_cache_lock on;
    proxy_cache_lock_timeout 5s;
    proxy_cache_background_update on;
    # Stale while it is being fetched, and when the API fails.
    proxy_cache_use_stale updating error timeout invalid_header http_500 http_502 http_503 http_504;
    add_header X-Cache $upstream_cache_status always;

    # Only what may be sent twice is tried at another one.
    proxy_next_upstream error timeout http_502 http_503;
    proxy_next_upstream_tries 2;
    proxy_connect_timeout 2s;
    proxy_read_timeout 60s;
  }
}
`;
}
