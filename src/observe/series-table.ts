import { HotpathError } from "../errors.ts";

/** The series of one metric by their label values, bounded. */
export interface SeriesTable<Series> {
  /**
   * The series of these values, made when new. Beyond the bound: the one series labelled `other`.
   *
   * @throws HotpathError `HP_INTERNAL` when the number of values is not that of the declared labels.
   */
  get(values: readonly string[]): Series;
  /** All series, in order of their making. */
  entries(): readonly (readonly [labels: readonly string[], series: Series])[];
}

/** An empty table; without labels it holds its one series from the start, so that the metric shows as 0. */
export function createSeriesTable<Series>(options: {
  readonly name: string;
  readonly labels: readonly string[];
  readonly maxSeries: number;
  readonly create: () => Series;
  readonly onOverflow: () => void;
}): SeriesTable<Series> {
  const { name, labels, maxSeries, create, onOverflow } = options;
  const root: Branch<Series> = new Map();
  const entries: (readonly [readonly string[], Series])[] = [];
  let other: readonly [readonly string[], Series] | undefined;
  let unlabelled: Series | undefined;
  if (labels.length === 0) entries.push([[], (unlabelled = create())]);

  const add = (values: readonly string[]): Series => {
    if (entries.length >= maxSeries) {
      onOverflow();
      other ??= [labels.map(() => "other"), create()];
      return other[1];
    }
    const series = create();
    entries.push([[...values], series]);
    let branch = root;
    for (const value of values.slice(0, -1)) {
      const next = (branch.get(value) as Branch<Series> | undefined) ?? new Map<string, Branch<Series> | Series>();
      branch.set(value, next);
      branch = next;
    }
    branch.set(values.at(-1) as string, series);
    return series;
  };

  return {
    get(values) {
      if (values.length !== labels.length) {
        throw new HotpathError("HP_INTERNAL", `${name} has ${labels.length} labels; received ${values.length} values.`);
      }
      if (unlabelled !== undefined) return unlabelled;
      let at: Branch<Series> | Series | undefined = root;
      for (const value of values) {
        at = (at as Branch<Series>).get(value);
        if (at === undefined) return add(values);
      }
      return at as Series;
    },
    entries: () => (other === undefined ? entries : [...entries, other]),
  };
}

/** A level for each label: strings are hashed once, where a joined key would be built and hashed at every look-up. */
type Branch<Series> = Map<string, Branch<Series> | Series>;
