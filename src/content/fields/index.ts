export { selectFields, selectFieldsOfJson } from "./select.ts";
export { type FieldSelection, formatFieldSelection, MAX_SELECTION_LENGTH, parseFieldSelection } from "./selection.ts";
