/** Where the API is. */
export interface VarnishEdge {
  readonly host: string;
  readonly port: number;
  /** Addresses that may purge. */
  readonly purgers: readonly string[];
  /** For how long a reply that is out of date is kept, to be given while it is fetched or while the API fails. */
  readonly graceSeconds: number;
}

/**
 * A Varnish in front of the API. It keeps what the API lets shared caches keep; purges are by URL (PURGE), or by tag: `PURGE` with
 * `Surrogate-Key`, one of those that replies carry.
 */
export function varnishConfiguration({ host, port, purgers, graceSeconds }: VarnishEdge): string {
  const acl = purgers.map((address) => `  ${JSON.stringify(address)};`).join("\n");
  return `vcl 4.1;

import std;

backend hotpath {
  .host = ${JSON.stringify(host)};
  .port = "${port}";
  .connect_timeout = 2s;
  .first_byte_timeout = 60s;
  .between_bytes_timeout = 30s;
  .max_connections = 256;
  .probe = {
    .request = "OPTIONS * HTTP/1.1" "Host: health" "Connection: close";
    .expected_response = 204;
    .interval = 1s;
    .timeout = 1s;
    .window = 4;
    .threshold = 2;
    .initial = 2;
  }
}

acl purgers {
${acl}
}

sub vcl_recv {
  unset req.http.X-Edge-Lookup;
  if (req.method == "PURGE") {
    if (client.ip !~ purgers) {
      return (synth(403, "Forbidden"));
    }
    if (req.http.Surrogate-Key) {
      # One tag a request, of what tags are made of: nothing that a regular expression would heed but dots.
      if (req.http.Surrogate-Key !~ "^[A-Za-z0-9_:.=,/@-]+$") {
        return (synth(400, "One tag"));
      }
      ban("obj.http.Surrogate-Key ~ (^|\\s)" + req.http.Surrogate-Key + "(\\s|$)");
      return (synth(200, "Purged"));
    }
    return (purge);
  }
  if (req.method != "GET" && req.method != "HEAD") {
    return (pass);
  }
  # Whoever brings credentials gets what is for them alone.
  if (req.http.Authorization || req.http.Cookie || req.http.apikey || req.http.X-API-Key) {
    return (pass);
  }
  # One stored form for each coding, not for each spelling of the field.
  if (req.http.Accept-Encoding ~ "br") {
    set req.http.Accept-Encoding = "br";
  } elsif (req.http.Accept-Encoding ~ "gzip") {
    set req.http.Accept-Encoding = "gzip";
  } else {
    unset req.http.Accept-Encoding;
  }
  # While the API answers nobody gets what is long out of date; once it has failed (see vcl_deliver), or is known to be away, the whole grace.
  if (req.restarts == 0 && std.healthy(req.backend_hint)) {
    set req.grace = 10s;
  } else {
    set req.grace = ${graceSeconds}s;
  }
  set req.http.X-Edge-Lookup = "1";
  return (hash);
}

sub vcl_backend_fetch {
  unset bereq.http.X-Edge-Lookup;
}

sub vcl_backend_response {
  # Failures are told, not kept; nor do they take the place of what is.
  if (beresp.status >= 500) {
    if (bereq.is_bgfetch) {
      return (abandon);
    }
    set beresp.uncacheable = true;
    set beresp.ttl = 0s;
    return (deliver);
  }
  # What is meant for shared caches goes before what is meant for all.
  if (beresp.http.CDN-Cache-Control ~ "max-age=\\d+") {
    set beresp.ttl = std.duration(regsub(beresp.http.CDN-Cache-Control, ".*max-age=(\\d+).*", "\\1") + "s", 0s);
  }
  if (beresp.http.CDN-Cache-Control ~ "no-store|private" || (!beresp.http.CDN-Cache-Control && beresp.http.Cache-Control ~ "no-store|private|no-cache")) {
    set beresp.uncacheable = true;
    set beresp.ttl = 0s;
    return (deliver);
  }
  # What must be confirmed is given stale to nobody.
  if (beresp.http.Cache-Control ~ "must-revalidate|proxy-revalidate") {
    set beresp.grace = 0s;
  } else {
    set beresp.grace = ${graceSeconds}s;
  }
  # Asked for with its ETag when it is out of date.
  set beresp.keep = ${graceSeconds}s;
}

sub vcl_backend_error {
  if (bereq.is_bgfetch) {
    return (abandon);
  }
  set beresp.http.Content-Type = "application/problem+json";
  set beresp.http.Retry-After = "5";
  set beresp.body = {"{"type":"about:blank","title":"Service Unavailable","status":503,"code":"HP_UNAVAILABLE" }"};
  return (deliver);
}

sub vcl_deliver {
  # It has failed: looked up once more, with what is stale being good enough.
  if (resp.status >= 500 && req.restarts == 0 && req.http.X-Edge-Lookup) {
    return (restart);
  }
  if (obj.hits > 0) {
    set resp.http.X-Cache = "HIT";
  } else {
    set resp.http.X-Cache = "MISS";
  }
  unset resp.http.Surrogate-Key;
  unset resp.http.CDN-Cache-Control;
  unset resp.http.Via;
  unset resp.http.X-Varnish;
}
`;
}
