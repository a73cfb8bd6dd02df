/**
 * Runs one statement and answers its rows as lists of values in PostgreSQL's text form.
 * Parameters are given as text, of no declared type.
 */
export type CatalogQuery = (
  text: string,
  values: readonly (string | null)[],
) => Promise<readonly (readonly (string | null)[])[]>;
