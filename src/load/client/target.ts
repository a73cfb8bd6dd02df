/** Where requests go: one origin, with what stands for it on the wire. */
export interface Target {
  /** `https://api.example.com`, without a port that is the scheme's own. */
  readonly origin: string;
  /** What connections are kept by: the origin and where it leads. */
  readonly key: string;
  /** Whether TLS is spoken there, which an override may change. */
  readonly isTls: boolean;
  /** As it stands in the Host field. */
  readonly authority: string;
  /** Where connections go; an override leads elsewhere than `authority` says. */
  readonly hostname: string;
  readonly port: number;
  /** Whose certificate is expected. */
  readonly serverName: string;
}

/** Overrides of hosts: `api.example.com` to `127.0.0.1:3000` (as k6 writes it) or to another origin, `http://127.0.0.1:3000`. */
export type HostOverrides = Readonly<Record<string, string>>;

/**
 * The target of a URL's origin.
 *
 * @throws TypeError where an override is neither host, host with port, nor origin
 */
export function toTarget(url: URL, overrides: HostOverrides = {}): Target {
  const isTls = url.protocol === "https:";
  const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
  const hostname = withoutBrackets(url.hostname);
  const plain = toKeyed({ origin: url.origin, isTls, authority: url.host, hostname, port, serverName: hostname });
  const override = findOverride(url, overrides);
  if (override === undefined) return plain;
  if (/^https?:\/\//i.test(override)) {
    const other = new URL(override);
    const elsewhere = toTarget(other);
    // A whole origin is another server: it hears its own name.
    return toKeyed({ ...elsewhere, origin: url.origin });
  }
  const address = /^(?:\[(?<v6>[\da-f:.]+)\]|(?<name>[^:\s/]+)|(?<bare>[\da-f:.]+))(?::(?<port>\d+))?$/i.exec(override);
  const found = address?.groups?.["v6"] ?? address?.groups?.["name"] ?? address?.groups?.["bare"];
  if (found === undefined) throw new TypeError(`${JSON.stringify(override)} is no host to send requests to`);
  return toKeyed({ ...plain, hostname: found, port: Number(address?.groups?.["port"] ?? port) });
}

function toKeyed(target: Omit<Target, "key">): Target {
  return { ...target, key: `${target.origin} ${target.hostname}:${target.port}` };
}

/** The exact name with port, the exact name, or the longest pattern with a leading `*.` that fits. */
function findOverride(url: URL, overrides: HostOverrides): string | undefined {
  const exact = overrides[url.host] ?? overrides[url.hostname] ?? overrides[url.origin];
  if (exact !== undefined) return exact;
  const [best] = Object.keys(overrides)
    .filter((pattern) => pattern.startsWith("*") && url.hostname.endsWith(pattern.slice(1)))
    .sort((a, b) => b.length - a.length);
  return best === undefined ? undefined : overrides[best];
}

function withoutBrackets(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}
