export type { DocumentSettings } from "./context.ts";
export { createDocuments, type Documents } from "./documents.ts";
