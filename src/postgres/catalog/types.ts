import type { RoleSettings } from "./role-settings.ts";

/** What hotpath knows of a database: read at start and on reload, then never changed. */
export interface Catalog {
  /** Differs whenever anything the catalog was read from differs: equal strings mean that a reload changed nothing. */
  readonly version: string;
  /** `server_version_num`, e.g. 180004. */
  readonly serverVersion: number;
  /** Exposed schemas in the order of the option; the first is the default. */
  readonly schemas: readonly string[];
  /** Comment of each schema that has one, by name. */
  readonly schemaComments: ReadonlyMap<string, string>;
  /** Relations of the exposed schemas, by schema, then name. */
  readonly relations: ReadonlyMap<string, ReadonlyMap<string, Relation>>;
  /** Callable functions and procedures of the exposed schemas, by schema, then name (overloads in one list). */
  readonly routines: ReadonlyMap<string, ReadonlyMap<string, readonly Routine[]>>;
  /**
   * Relationships by `relationKey(from)`, in PostgREST's order. Both directions of each foreign key are listed, and
   * many-to-many ones through a junction. Those of views follow from the base tables, which may be in any schema; both
   * ends and the junction are relations of the exposed schemas.
   */
  readonly relationships: ReadonlyMap<string, readonly Relationship[]>;
  /**
   * Functions that can be called with a row of a relation alone: usable as columns unless a column has that name.
   * By `relationKey(relation)`, then name. They are in the relation's schema or, failing that, on the extra search path.
   */
  readonly computedColumns: ReadonlyMap<string, ReadonlyMap<string, ComputedColumn>>;
  /**
   * Domain representations: functions of `create cast (source as target) with function … as implicit` where one side
   * is a domain. By `representationKey(source, target)`.
   */
  readonly representations: ReadonlyMap<string, Representation>;
  /**
   * Custom media-type handlers: aggregates (or functions) whose return type is a domain named like a media type.
   * By `relationKey` of the relation, routine, or `*` for any element.
   */
  readonly mediaHandlers: ReadonlyMap<string, readonly MediaHandler[]>;
  /**
   * Enums, composite types and domains, by their name as columns and parameters spell it: those of the exposed schemas and
   * those in use. The row types of exposed relations are among the composite ones where something is of that type.
   */
  readonly namedTypes: ReadonlyMap<string, NamedType>;
  /** Some table of the database has row security: what a statement reads, and so its plan, may depend on the role. */
  readonly hasRowSecurity: boolean;
  /** By role: what it was given by `alter role … set`. Only roles that were given something. */
  readonly roleSettings: ReadonlyMap<string, RoleSettings>;
  /** PostGIS's function from a row to GeoJSON, or null where PostGIS is not installed. */
  readonly geoJson: RelationName | null;
  /** Names accepted by `Prefer: timezone`: read when first asked for, since PostgreSQL takes up to 100 ms to list them. */
  readonly timezones: () => Promise<ReadonlySet<string>>;
}

/** A type that somebody created, rather than one of PostgreSQL's own. */
export type NamedType = RelationName &
  /** `labels` in the order of the type, `created` as they were added: what is added later comes last there. */
  (
    | { readonly kind: "enum"; readonly labels: readonly string[]; readonly created: readonly string[] }
    | { readonly kind: "composite"; readonly columns: readonly Attribute[] }
    /** `base` is the type at the end of the chain. */
    | { readonly kind: "domain"; readonly base: string }
  );

/** A column of a composite type. */
export interface Attribute {
  readonly name: string;
  readonly type: string;
  /** `attnum` */
  readonly position: number;
}

export type RelationKind = "table" | "partitioned table" | "foreign table" | "view" | "materialized view";

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  readonly comment: string | null;
  /** In the order of the table; keyed by name. */
  readonly columns: ReadonlyMap<string, Column>;
  /**
   * In the order of the key. For views: the key columns of their base tables, where every one of them is exposed
   * (of several view columns over one, the first). Empty: no key.
   */
  readonly primaryKey: readonly string[];
  readonly insertable: boolean;
  readonly updatable: boolean;
  readonly deletable: boolean;
}

export interface Column {
  readonly name: string;
  /** `attnum`: stable for the life of the table. */
  readonly position: number;
  /** As `format_type` spells it, schema-qualified when not on the search path, without a modifier: `character varying`, `integer[]`. */
  readonly type: string;
  /** The type with its modifier, e.g. `numeric(10,2)`. */
  readonly declaredType: string;
  readonly typeOid: number;
  /** For a domain: the type it rests on at the end of the chain; else equal to `type`. */
  readonly baseType: string;
  /** `pg_type.typcategory` of the base type, e.g. `N` numbers, `S` strings, `A` arrays, `R` ranges. */
  readonly category: string;
  readonly isDomain: boolean;
  /** Composite types can be selected into with `->`. */
  readonly isComposite: boolean;
  readonly nullable: boolean;
  readonly maxLength: number | null;
  /**
   * The default's expression as SQL text, valid with an empty search path, e.g.
   * `nextval('public.users_id_seq'::regclass)`; a domain's where the column has none. Columns that are generated by
   * default as identity have one too.
   */
  readonly default: string | null;
  /** Generated always, from an expression or as identity: may not be written. */
  readonly generated: boolean;
  readonly identity: "always" | "by default" | null;
  readonly enumLabels: readonly string[];
  readonly comment: string | null;
}

export interface RelationName {
  readonly schema: string;
  readonly name: string;
}

export type Cardinality = "many-to-one" | "one-to-many" | "one-to-one" | "many-to-many";

export type Relationship = KeyRelationship | ComputedRelationship;

/** A relationship that follows from foreign keys. */
export interface KeyRelationship {
  readonly kind: "key";
  readonly from: RelationName;
  readonly to: RelationName;
  readonly cardinality: Cardinality;
  /** `[column of from, column of to]`; empty for many-to-many. */
  readonly columns: readonly (readonly [string, string])[];
  /** Name of the foreign key; for many-to-many see `junction`. */
  readonly constraint: string;
  readonly junction?: Junction;
  /** `from` carries the foreign key. Many-to-one: always true. One-to-many: false. Many-to-many: false. */
  readonly isParentSide: boolean;
  readonly fromIsView: boolean;
  readonly toIsView: boolean;
  readonly isSelf: boolean;
}

export interface Junction extends RelationName {
  /** Foreign key of the junction to `from`, and `[column of from, column of junction]`. */
  readonly fromConstraint: string;
  readonly fromColumns: readonly (readonly [string, string])[];
  /** Foreign key of the junction to `to`, and `[column of junction, column of to]`. */
  readonly toConstraint: string;
  readonly toColumns: readonly (readonly [string, string])[];
}

/** A function that takes a row of `from` and returns rows of `to`. */
export interface ComputedRelationship {
  readonly kind: "computed";
  readonly from: RelationName;
  readonly to: RelationName;
  /** `many-to-one` when it returns at most one row (`rows 1` or no `setof`), else `one-to-many`. */
  readonly cardinality: "many-to-one" | "one-to-many";
  readonly function: RelationName;
  readonly isSelf: boolean;
}

export interface ComputedColumn {
  readonly name: string;
  readonly function: RelationName;
  readonly type: string;
  readonly category: string;
  readonly isComposite: boolean;
  /** Answers any number of values, not one. */
  readonly set: boolean;
}

export interface Representation {
  readonly source: string;
  readonly target: string;
  readonly function: RelationName;
}

export interface MediaHandler {
  /** Name of the domain in lower case; the one of two asterisks serves any type. */
  readonly mediaType: string;
  /** The reply's `Content-Type`: `application/octet-stream` for the any-type handler, else as the domain spells it. */
  readonly contentType: string;
  /** The domain, as `format_type` spells it. */
  readonly type: string;
  /** The domain stands on `bytea`. */
  readonly isBinary: boolean;
  /** The aggregate, or the routine itself. */
  readonly function: RelationName;
  /** Relation the aggregate's argument is a row of; absent for `anyelement` and for routines that return the media type. */
  readonly relation?: RelationName;
}

export interface RoutineParameter {
  /** Empty for the only parameter of a function that takes a whole body: `bytea`, `json`, `jsonb`, `text` or `xml`. */
  readonly name: string;
  readonly type: string;
  /** The type to convert arguments to: `type`, but without the length of 1 that `character` and `bit` stand for. */
  readonly declaredType: string;
  readonly required: boolean;
  readonly variadic: boolean;
}

export interface Routine {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly comment: string | null;
  /** IN, INOUT and VARIADIC parameters in order. */
  readonly parameters: readonly RoutineParameter[];
  readonly returns: RoutineReturn;
  readonly volatility: "immutable" | "stable" | "volatile";
  readonly hasVariadic: boolean;
  readonly isProcedure: boolean;
  /** All `set` clauses of the function, e.g. `statement_timeout`: the caller chooses which to hoist. */
  readonly settings: readonly (readonly [string, string])[];
}

export interface RoutineReturn {
  readonly set: boolean;
  readonly kind: "void" | "scalar" | "composite";
  readonly type: string;
  /** For a domain: the type it rests on at the end of the chain; else equal to `type`. */
  readonly baseType: string;
  /** The relation whose row type is returned, when it is one. */
  readonly relation?: RelationName;
  /** OUT/TABLE columns, or those of a composite type that is no exposed relation; else empty. */
  readonly columns: readonly RoutineColumn[];
}

export interface RoutineColumn {
  readonly name: string;
  readonly type: string;
  /** For a domain: the type it rests on at the end of the chain; else equal to `type`. */
  readonly baseType: string;
}

/** Key of a relation or routine in the catalog's maps: both names are quoted so that no two pairs collide. */
export function relationKey(name: RelationName): string {
  return JSON.stringify([name.schema, name.name]);
}

/** Key of a domain representation; types as `format_type` spells them, `json` and `text` unqualified. */
export function representationKey(source: string, target: string): string {
  return JSON.stringify([source, target]);
}
