/**
 * Short names for rows and enums: `Tables<"users">`, `TablesInsert<"users">`, `Enums<"mood">`, and with another schema than the default
 * `Tables<{ schema: "other" }, "users">`. `DEFAULT` stands for the default schema.
 */
export const HELPERS = `type Schemas = Omit<Database, "__InternalSupabase">;
type Default = Schemas[Extract<keyof Schemas, DEFAULT>];
type InSchema = { schema: keyof Schemas };
type Named<Section, Name> = Name extends keyof Section ? Section[Name] : never;
type Part<Relation, Key extends "Row" | "Insert" | "Update"> = Relation extends { [K in Key]: infer Value } ? Value : never;

export type Tables<
  NameOrSchema extends keyof (Default["Tables"] & Default["Views"]) | InSchema,
  Name extends NameOrSchema extends InSchema
    ? keyof (Schemas[NameOrSchema["schema"]]["Tables"] & Schemas[NameOrSchema["schema"]]["Views"])
    : never = never,
> = NameOrSchema extends InSchema
  ? Part<Named<Schemas[NameOrSchema["schema"]]["Tables"] & Schemas[NameOrSchema["schema"]]["Views"], Name>, "Row">
  : Part<Named<Default["Tables"] & Default["Views"], NameOrSchema>, "Row">;

export type TablesInsert<
  NameOrSchema extends keyof Default["Tables"] | InSchema,
  Name extends NameOrSchema extends InSchema ? keyof Schemas[NameOrSchema["schema"]]["Tables"] : never = never,
> = NameOrSchema extends InSchema
  ? Part<Named<Schemas[NameOrSchema["schema"]]["Tables"], Name>, "Insert">
  : Part<Named<Default["Tables"], NameOrSchema>, "Insert">;

export type TablesUpdate<
  NameOrSchema extends keyof Default["Tables"] | InSchema,
  Name extends NameOrSchema extends InSchema ? keyof Schemas[NameOrSchema["schema"]]["Tables"] : never = never,
> = NameOrSchema extends InSchema
  ? Part<Named<Schemas[NameOrSchema["schema"]]["Tables"], Name>, "Update">
  : Part<Named<Default["Tables"], NameOrSchema>, "Update">;

export type Enums<
  NameOrSchema extends keyof Default["Enums"] | InSchema,
  Name extends NameOrSchema extends InSchema ? keyof Schemas[NameOrSchema["schema"]]["Enums"] : never = never,
> = NameOrSchema extends InSchema
  ? Named<Schemas[NameOrSchema["schema"]]["Enums"], Name>
  : Named<Default["Enums"], NameOrSchema>;

export type CompositeTypes<
  NameOrSchema extends keyof Default["CompositeTypes"] | InSchema,
  Name extends NameOrSchema extends InSchema ? keyof Schemas[NameOrSchema["schema"]]["CompositeTypes"] : never = never,
> = NameOrSchema extends InSchema
  ? Named<Schemas[NameOrSchema["schema"]]["CompositeTypes"], Name>
  : Named<Default["CompositeTypes"], NameOrSchema>;`;
