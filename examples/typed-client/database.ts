// Made by `hotpath types` from the database; made anew when its structure has changed.

export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];

export type Database = {
  /** Lets createClient choose the right options. */
  __InternalSupabase: {
    PostgrestVersion: "14.12";
  };
  public: {
    Tables: {
      /** The shop's departments: a tree of two levels */
      categories: {
        Row: {
          id: number;
          parent_id: number | null;
          name: string;
          slug: string;
        };
        Insert: {
          id?: number;
          parent_id?: number | null;
          name: string;
          slug: string;
        };
        Update: {
          id?: number;
          parent_id?: number | null;
          name?: string;
          slug?: string;
        };
        Relationships: [
          {
            foreignKeyName: "categories_parent_id_fkey";
            columns: ["parent_id"];
            isOneToOne: false;
            referencedRelation: "categories";
            referencedColumns: ["id"];
          },
        ];
      };
      /** The lines of an order */
      order_items: {
        Row: {
          order_id: number;
          line_no: number;
          product_id: number;
          quantity: number;
          /** Price paid for one, discounts included */
          unit_price: number;
        };
        Insert: {
          order_id: number;
          line_no: number;
          product_id: number;
          quantity: number;
          /** Price paid for one, discounts included */
          unit_price: number;
        };
        Update: {
          order_id?: number;
          line_no?: number;
          product_id?: number;
          quantity?: number;
          /** Price paid for one, discounts included */
          unit_price?: number;
        };
        Relationships: [
          {
            foreignKeyName: "order_items_order_id_fkey";
            columns: ["order_id"];
            isOneToOne: false;
            referencedRelation: "orders";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "order_items_product_id_fkey";
            columns: ["product_id"];
            isOneToOne: false;
            referencedRelation: "product_sales";
            referencedColumns: ["product_id"];
          },
          {
            foreignKeyName: "order_items_product_id_fkey";
            columns: ["product_id"];
            isOneToOne: false;
            referencedRelation: "products";
            referencedColumns: ["id"];
          },
        ];
      };
      /** What users ordered */
      orders: {
        Row: {
          id: number;
          user_id: number;
          status: Database["public"]["Enums"]["order_status"];
          /** Sum over the order's items */
          total: number;
          note: string | null;
          created_at: string;
          updated_at: string;
        };
        Insert: {
          id?: number;
          user_id: number;
          status?: Database["public"]["Enums"]["order_status"];
          /** Sum over the order's items */
          total?: number;
          note?: string | null;
          created_at?: string;
          updated_at?: string;
        };
        Update: {
          id?: number;
          user_id?: number;
          status?: Database["public"]["Enums"]["order_status"];
          /** Sum over the order's items */
          total?: number;
          note?: string | null;
          created_at?: string;
          updated_at?: string;
        };
        Relationships: [
          {
            foreignKeyName: "orders_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "customer_totals";
            referencedColumns: ["user_id"];
          },
          {
            foreignKeyName: "orders_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      /** What is or was on sale */
      products: {
        Row: {
          id: number;
          category_id: number;
          /** Stock keeping unit */
          sku: string;
          name: string;
          /** Price of today; what was paid is order_items.unit_price */
          price: number;
          status: Database["public"]["Enums"]["product_status"];
          stock: number;
          tags: string[];
          /** Colour, material, weight and dimensions */
          attributes: Json;
          created_at: string;
          updated_at: string;
        };
        Insert: {
          id?: number;
          category_id: number;
          /** Stock keeping unit */
          sku: string;
          name: string;
          /** Price of today; what was paid is order_items.unit_price */
          price: number;
          status?: Database["public"]["Enums"]["product_status"];
          stock?: number;
          tags?: string[];
          /** Colour, material, weight and dimensions */
          attributes?: Json;
          created_at?: string;
          updated_at?: string;
        };
        Update: {
          id?: number;
          category_id?: number;
          /** Stock keeping unit */
          sku?: string;
          name?: string;
          /** Price of today; what was paid is order_items.unit_price */
          price?: number;
          status?: Database["public"]["Enums"]["product_status"];
          stock?: number;
          tags?: string[];
          /** Colour, material, weight and dimensions */
          attributes?: Json;
          created_at?: string;
          updated_at?: string;
        };
        Relationships: [
          {
            foreignKeyName: "products_category_id_fkey";
            columns: ["category_id"];
            isOneToOne: false;
            referencedRelation: "categories";
            referencedColumns: ["id"];
          },
        ];
      };
      /** What a user tells about themselves: at most one each */
      profiles: {
        Row: {
          user_id: number;
          bio: string | null;
          birthday: string | null;
          newsletter: boolean;
          /** Settings of the shop's pages */
          preferences: Json;
        };
        Insert: {
          user_id: number;
          bio?: string | null;
          birthday?: string | null;
          newsletter?: boolean;
          /** Settings of the shop's pages */
          preferences?: Json;
        };
        Update: {
          user_id?: number;
          bio?: string | null;
          birthday?: string | null;
          newsletter?: boolean;
          /** Settings of the shop's pages */
          preferences?: Json;
        };
        Relationships: [
          {
            foreignKeyName: "profiles_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: true;
            referencedRelation: "customer_totals";
            referencedColumns: ["user_id"];
          },
          {
            foreignKeyName: "profiles_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: true;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      /** What users say of products: one of each product at most */
      reviews: {
        Row: {
          id: number;
          product_id: number;
          user_id: number;
          /** One to five stars */
          rating: number;
          title: string;
          body: string | null;
          created_at: string;
        };
        Insert: {
          id?: number;
          product_id: number;
          user_id: number;
          /** One to five stars */
          rating: number;
          title: string;
          body?: string | null;
          created_at?: string;
        };
        Update: {
          id?: number;
          product_id?: number;
          user_id?: number;
          /** One to five stars */
          rating?: number;
          title?: string;
          body?: string | null;
          created_at?: string;
        };
        Relationships: [
          {
            foreignKeyName: "reviews_product_id_fkey";
            columns: ["product_id"];
            isOneToOne: false;
            referencedRelation: "product_sales";
            referencedColumns: ["product_id"];
          },
          {
            foreignKeyName: "reviews_product_id_fkey";
            columns: ["product_id"];
            isOneToOne: false;
            referencedRelation: "products";
            referencedColumns: ["id"];
          },
          {
            foreignKeyName: "reviews_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "customer_totals";
            referencedColumns: ["user_id"];
          },
          {
            foreignKeyName: "reviews_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      /** People with an account */
      users: {
        Row: {
          id: number;
          /** Unique; shown to others */
          username: string;
          email: string;
          full_name: string;
          /** ISO 3166-1 alpha-2 code */
          country: string;
          /** False once the account was closed */
          active: boolean;
          created_at: string;
          updated_at: string;
        };
        Insert: {
          id?: number;
          /** Unique; shown to others */
          username: string;
          email: string;
          full_name: string;
          /** ISO 3166-1 alpha-2 code */
          country: string;
          /** False once the account was closed */
          active?: boolean;
          created_at?: string;
          updated_at?: string;
        };
        Update: {
          id?: number;
          /** Unique; shown to others */
          username?: string;
          email?: string;
          full_name?: string;
          /** ISO 3166-1 alpha-2 code */
          country?: string;
          /** False once the account was closed */
          active?: boolean;
          created_at?: string;
          updated_at?: string;
        };
        Relationships: [];
      };
    };
    Views: {
      /** Orders and spending of each user; cancelled and refunded orders do not count */
      customer_totals: {
        Row: {
          user_id: number | null;
          username: string | null;
          country: string | null;
          orders: number | null;
          spent: number | null;
          last_order_at: string | null;
        };
        Relationships: [];
      };
      /** Units sold and revenue of each product */
      product_sales: {
        Row: {
          product_id: number | null;
          name: string | null;
          category_id: number | null;
          units: number | null;
          revenue: number | null;
        };
        Relationships: [
          {
            foreignKeyName: "products_category_id_fkey";
            columns: ["category_id"];
            isOneToOne: false;
            referencedRelation: "categories";
            referencedColumns: ["id"];
          },
        ];
      };
    };
    Functions: {
      bought_together: {
        /** Products that are most often in the same order as this one */
        Args: {
          product_id: number;
          count?: number;
        };
        Returns: Database["public"]["Tables"]["products"]["Row"][];
        SetofOptions: {
          from: "*";
          to: "products";
          isOneToOne: false;
          isSetofReturn: true;
        };
      };
      place_order: {
        /** Orders products at their prices of now */
        Args: {
          user_id: number;
          items: Json;
        };
        Returns: Database["public"]["Tables"]["orders"]["Row"];
        SetofOptions: {
          from: "*";
          to: "orders";
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
    };
    Enums: {
      order_status: "pending" | "paid" | "shipped" | "delivered" | "cancelled" | "refunded";
      product_status: "draft" | "active" | "discontinued";
    };
    CompositeTypes: Record<never, never>;
  };
};

type Schemas = Omit<Database, "__InternalSupabase">;
type Default = Schemas[Extract<keyof Schemas, "public">];
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
  : Named<Default["CompositeTypes"], NameOrSchema>;

export const Constants = {
  public: {
    Enums: {
      order_status: ["pending","paid","shipped","delivered","cancelled","refunded"],
      product_status: ["draft","active","discontinued"],
    },
  },
} as const;
