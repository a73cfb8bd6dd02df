/** Rows of the heat map: so many each power of ten, the first up to the least. */
export const HEAT_ROWS_A_POWER = 10;
export const HEAT_LEAST_MS = 0.1;
