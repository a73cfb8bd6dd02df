export type { BoundAddress } from "./bind.ts";
export type { ConnectionCounts } from "./connection-limit.ts";
export type { BodyLimit } from "./body-limit.ts";
export { devCertificate } from "./dev-certificate.ts";
export type { Handler, UpgradeHandler } from "./serve.ts";
export { listenerDefaults } from "./settings.ts";
export type { Certificate, ListenAddress, ListenerLimits, ListenerSettings } from "./settings.ts";
export { createListener, type Listener } from "./listener.ts";
