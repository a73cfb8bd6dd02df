/** What a view's query stands on, by `oid`. */
export interface ViewTree {
  readonly relations: ReadonlySet<number>;
  readonly functions: ReadonlySet<number>;
  readonly operators: ReadonlySet<number>;
  readonly aggregates: ReadonlySet<number>;
  /** `false`: it holds something that may answer otherwise although its relations are the same. */
  readonly isKnown: boolean;
}

/**
 * Reads the text of a `pg_node_tree` (see catalog/node-tree.ts) for everything that its result depends on. PostgreSQL's own record of
 * dependencies (`pg_depend`) leaves out what belongs to the system, such as `now()` and the catalog's tables.
 */
export function readViewTree(query: string): ViewTree {
  const tree = {
    relations: new Set<number>(),
    functions: new Set<number>(),
    operators: new Set<number>(),
    aggregates: new Set<number>(),
  };
  let isKnown = true;
  let convertsThroughText = false;
  let resultsArePlain = true;
  for (const [, node, field, oid] of query.matchAll(NODE_OR_FIELD)) {
    if (node !== undefined) {
      if (!KNOWN_NODES.has(node)) isKnown = false;
      if (node === "COERCEVIAIO") convertsThroughText = true;
    } else if (field === "resulttype") {
      if (!PLAIN_TYPES.has(Number(oid))) resultsArePlain = false;
    } else if (oid !== "0") tree[FIELDS[field ?? ""] ?? "functions"].add(Number(oid));
  }
  // A text that becomes a time may be 'now'. Which conversion a type belongs to is not looked at: it is rare enough.
  return { ...tree, isKnown: isKnown && (!convertsThroughText || resultsArePlain) };
}

/** A backslash would stand before a brace or space that belongs to a name. */
const NODE_OR_FIELD = /(?<!\\)\{([A-Z]+)|:(relid|funcid|opno|aggfnoid|winfnoid|resulttype) (\d+)/g;

const FIELDS: Readonly<Record<string, "relations" | "functions" | "operators" | "aggregates">> = {
  relid: "relations",
  funcid: "functions",
  opno: "operators",
  aggfnoid: "aggregates",
  winfnoid: "aggregates",
};

/**
 * Nodes that add nothing of their own to what their arguments are, under the names of PostgreSQL 13 to 18. Not among them: CURRENT_DATE and
 * its like (SQLVALUEFUNCTION), `nextval`, TABLESAMPLE, row locks, XML, and whatever later versions bring.
 */
const KNOWN_NODES = new Set(
  (
    "QUERY RANGETBLENTRY RTE RTEPERMISSIONINFO RANGETBLFUNCTION RANGETBLREF ALIAS FROMEXPR JOINEXPR TARGETENTRY SETOPERATIONSTMT " +
    "COMMONTABLEEXPR CTESEARCHCLAUSE CTECYCLECLAUSE SORTGROUPCLAUSE GROUPINGSET GROUPINGFUNC WINDOWCLAUSE WINDOWFUNC AGGREF " +
    "VAR CONST PARAM FUNCEXPR NAMEDARGEXPR OPEXPR DISTINCTEXPR NULLIFEXPR SCALARARRAYOPEXPR BOOLEXPR SUBLINK FIELDSELECT " +
    "SUBSCRIPTINGREF RELABELTYPE COERCEVIAIO ARRAYCOERCEEXPR CONVERTROWTYPEEXPR COERCETODOMAIN COLLATEEXPR NULLTEST BOOLEANTEST " +
    "CASE CASEEXPR WHEN CASEWHEN CASETESTEXPR ARRAY ARRAYEXPR ROW ROWEXPR ROWCOMPARE ROWCOMPAREEXPR COALESCE COALESCEEXPR MINMAX MINMAXEXPR"
  ).split(" "),
);

/** Truth values, numbers, texts, JSON, UUIDs, bytes. */
const PLAIN_TYPES = new Set([16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 700, 701, 1042, 1043, 1700, 2950, 3802]);
