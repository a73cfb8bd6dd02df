import type { Log } from "../api/source.ts";
import type { PostgresSettings } from "../api/settings.ts";
import { HotpathError } from "../errors.ts";
import type { CallPlan } from "./call/call-plan.ts";
import { createTypeResolver, type TypeResolver } from "./cast-types.ts";
import { readCatalog } from "./catalog/read-catalog.ts";
import type { Catalog } from "./catalog/types.ts";
import type { QueryCache } from "./changes/query-cache.ts";
import type { TagSource } from "./changes/read-tags.ts";
import type { Tracker } from "./changes/tracker-types.ts";
import { createDocuments, type Documents, type DocumentSettings } from "./openapi/index.ts";
import { createPlanCache, type PlanCache } from "./plan-cache.ts";
import type { Pool } from "./pool/index.ts";
import type { ReadPlan } from "./read-plan.ts";
import type { Router } from "./replicas/index.ts";
import type { WriteContext } from "./write-plan.ts";

/** What a catalog brings with it: all of it goes when the catalog is read again. */
export interface Schema {
  readonly catalog: Catalog;
  readonly relations: WriteContext;
  readonly calls: PlanCache<CallPlan>;
  readonly types: TypeResolver;
  readonly documents: Documents;
  /** What the replies depend on, where they are cached. */
  readonly tagSource: TagSource | undefined;
}

export interface SchemaLoaderOptions {
  readonly settings: PostgresSettings;
  readonly documents: DocumentSettings;
  readonly router: Router;
  /** Where replies are cached. */
  readonly tracker: Tracker | undefined;
  readonly log: Log;
  /** What reads and writes need besides. */
  readonly relations: Pick<WriteContext, "run" | "maxBodyBytes" | "bulkTurns" | "idempotency">;
  /** Has replies cached that depend on these. */
  readonly cache: (tags: TagSource, tracker: Tracker) => QueryCache;
}

/** Plans of request shapes that are kept; a shape is a few kilobytes. */
const MAX_PLANS = 2000;

/** Reads the database's structure, at the start and again; requests go on with the old one until the new one is there. */
export class SchemaLoader {
  readonly #options: SchemaLoaderOptions;
  #current: Schema | undefined;
  #loading: Promise<void> | undefined;
  #nextLoading: Promise<void> | undefined;
  /** The last attempt to find out what replies depend on; never rejects. */
  #caching: Promise<void> = Promise.resolve();
  #isStarting = true;
  #isClosed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: SchemaLoaderOptions) {
    this.#options = options;
  }

  /** Undefined before it was read for the first time. */
  get current(): Schema | undefined {
    return this.#current;
  }

  /**
   * Reads it for the first time. Where the database is away it is read once that is back.
   *
   * @throws HotpathError HP_SCHEMA_UNKNOWN or HP_DATABASE_REFUSED, which waiting does not mend
   */
  async start(): Promise<void> {
    await this.load();
    this.#isStarting = false;
  }

  /** One read at a time. Whoever asks meanwhile shares the next: the one under way may not see what they ask for. */
  load(): Promise<void> {
    if (this.#nextLoading !== undefined) return this.#nextLoading;
    const begin = () => {
      this.#nextLoading = undefined;
      this.#loading = this.#read().finally(() => {
        this.#loading = undefined;
      });
      return this.#loading;
    };
    if (this.#loading === undefined) return begin();
    this.#nextLoading = this.#loading.then(begin, begin);
    return this.#nextLoading;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  async #read(): Promise<void> {
    const { settings, router, log } = this.#options;
    // What the catalog asks for later may be asked of any server.
    let reading: Pool | undefined;
    const query = async (text: string, values: readonly (string | null)[]) => {
      const ask = (pool: Pool) =>
        pool.run([{ statement: { name: "", text }, values }], { timeoutMs: CATALOG_TIMEOUT_MS });
      const [result] = await (reading === undefined ? router.read(() => undefined, ask) : ask(reading));
      return result?.rows ?? [];
    };
    try {
      const readFrom = (pool: Pool): Promise<Catalog> => {
        reading = pool;
        return readCatalog(query, settings);
      };
      const catalog = await router.catalog(readFrom, ({ version }) => version === this.#current?.catalog.version);
      reading = undefined;
      this.#adopt(catalog, createTypeResolver(query));
      this.#caching = this.#caching.then(() => this.#cacheReplies(catalog));
      // The first requests do not wait for the cache.
      if (!this.#isStarting) await this.#caching;
    } catch (error) {
      if (error instanceof HotpathError && isFinal(error) && this.#isStarting) throw error;
      if (this.#isClosed) return;
      log.warn({ reason: messageOf(error) }, "the catalog could not be read; trying again");
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => void this.load(), CATALOG_RETRY_MS);
      this.#retry.unref();
    }
  }

  #adopt(catalog: Catalog, types: TypeResolver): void {
    const { settings, documents, log, relations } = this.#options;
    if (catalog.version === this.#current?.catalog.version) {
      // Types that no column has yet are not part of the version.
      this.#current = { ...this.#current, types, relations: { ...this.#current.relations, resolveTypes: types } };
      return;
    }
    this.#current = {
      catalog,
      relations: {
        ...relations,
        settings,
        catalog,
        plans: createPlanCache(MAX_PLANS),
        writePlans: createPlanCache(MAX_PLANS),
        queryCache: undefined,
        resolveTypes: types,
      },
      calls: createPlanCache(MAX_PLANS),
      types,
      documents: createDocuments(catalog, documents),
      tagSource: undefined,
    };
    log.info({ relations: countRelations(catalog) }, "catalog loaded");
  }

  /** Finds out what replies depend on, and has them cached from then on. */
  async #cacheReplies(catalog: Catalog): Promise<void> {
    const { tracker, log, cache } = this.#options;
    if (tracker === undefined) return;
    try {
      const tagSource = await tracker.prepare(catalog);
      const schema = this.#current;
      if (this.#isClosed || schema?.catalog.version !== catalog.version) return;
      if (schema.tagSource?.dependencies.version === tagSource.dependencies.version) {
        tracker.confirm();
        return;
      }
      const queryCache = cache(tagSource, tracker);
      const relations = { ...schema.relations, plans: createPlanCache<ReadPlan>(MAX_PLANS), queryCache };
      this.#current = { ...schema, relations, calls: createPlanCache(MAX_PLANS), tagSource };
      tracker.adopt(tagSource);
    } catch (error) {
      if (!this.#isClosed) log.warn({ reason: messageOf(error) }, "what replies depend on could not be read");
    }
  }
}

/** Reading a catalog of thousands of tables takes seconds at most. */
export const CATALOG_TIMEOUT_MS = 60_000;
const CATALOG_RETRY_MS = 1000;

function isFinal(error: HotpathError): boolean {
  return error.code === "HP_SCHEMA_UNKNOWN" || error.code === "HP_DATABASE_REFUSED";
}

/** Without the stack: the line comes again each second while the database is away. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function countRelations(catalog: Catalog): number {
  let count = 0;
  for (const relations of catalog.relations.values()) count += relations.size;
  return count;
}
