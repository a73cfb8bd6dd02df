/** The schema of everything that triggers for tracking need. */
export const TRACK_SCHEMA = "hotpath_track";
/** The channel on which they tell of changes. */
export const TRACK_CHANNEL = "hotpath_changes";

/** What tells of what; a table with all four is tracked. */
export const TRACK_TRIGGERS = ["hotpath_insert", "hotpath_update", "hotpath_delete", "hotpath_truncate"] as const;

/** A statement that changes more rows tells of its table, and of no values. */
const MOST_ROWS = 100;
const MOST_CHARACTERS = 200;
/** NOTIFY takes less than 8,000 bytes. */
const MOST_BYTES = 7900;

/**
 * The function that all triggers run. Its arguments are the columns whose values it tells; it reads them from what the statement changed.
 *
 * It tells `[table]`, and where there are few rows `[table, {column: [values]}]`. A column that was renamed or dropped since makes it tell the table
 * alone: nobody's statement fails for a cache.
 */
export const TRACK_FUNCTION = `
declare
  told text := format('[%s]', tg_relid::int8);
  rows text;
  few text;
  n int;
begin
  if tg_op <> 'TRUNCATE' and tg_nargs > 0 then
    begin
      rows := case tg_op
        when 'INSERT' then 'select %1$s from hotpath_new'
        when 'DELETE' then 'select %1$s from hotpath_old'
        else 'select %1$s from hotpath_old union all select %1$s from hotpath_new' end;
      execute format('select count(*) from (%s limit ${MOST_ROWS + 1}) changed', format(rows, '1')) into n;
      if n = 0 then return null; end if;
      if n <= ${MOST_ROWS} then
        execute (
          select 'select json_build_array($1, json_build_object(' || string_agg(format(
            '%L, (select case when max(length(v)) > ${MOST_CHARACTERS} then ''null''::json else coalesce(json_agg(distinct v), ''[]''::json) end from (%s) as changed (v) where v is not null)',
            name, format(rows, format('%I::text', name))), ', ') || '))::text'
          from unnest(tg_argv) name
        ) into few using tg_relid::int8;
        if octet_length(few) <= ${MOST_BYTES} then told := few; end if;
      end if;
    exception when others then
      told := format('[%s]', tg_relid::int8);
    end;
  end if;
  perform pg_notify('${TRACK_CHANNEL}', told);
  return null;
end`;
