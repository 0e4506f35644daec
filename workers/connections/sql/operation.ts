import { z } from "zod";

const bounds = {
  /** Most rows of the answer. */
  rows: z.int().min(1),
  /** Most bytes of its JSON. */
  bytes: z.int().min(1),
};

const statement = { sql: z.string(), values: z.array(z.json()), ...bounds };

/** What a session of an SQL database does. `explain` and `write` run one statement like `query`. */
export const sqlOperation = z.discriminatedUnion("operation", [
  z.object({ operation: z.literal("query"), ...statement }),
  z.object({ operation: z.literal("explain"), ...statement }),
  z.object({ operation: z.literal("write"), ...statement }),
  z.object({ operation: z.literal("catalogue") }),
]);

/** One column of an answer. */
export interface AnsweredColumn {
  name: string;
  type: string;
  /** `schema.table.column` of a column that comes unchanged from a table; `null` for an expression. */
  origin: string | null;
}

/** Rows of a statement, bounded. */
export interface AnsweredRows {
  columns: AnsweredColumn[];
  rows: z.output<ReturnType<typeof z.json>>[][];
  /** Whether a bound ended the answer before the database did. */
  cut: boolean;
  /** Rows that a write changed; `null` for a read, and where the database does not say. */
  changed: number | null;
  /** Set if an earlier call with the same key wrote this. */
  replayed?: true;
  /** Set if the rows of that call were too large to be kept. */
  rowsKept?: false;
}

/** A table or view of a catalogue. */
export interface CatalogueTable {
  schema: string;
  name: string;
  kind: "table" | "view";
  /** Estimated by the database; `null` if it does not know. */
  rows: number | null;
  comment: string | null;
  columns: CatalogueColumn[];
  /** Keys in the database's own words: `PRIMARY KEY (id)`. */
  keys: string[];
  /**
   * For one that gives rows of others, which of the classified tables those may be, as `schema.table`: what a view reads, or
   * the parents and children of a table. `null`: not known.
   */
  rowsOf?: string[] | null;
}

/** One column of a {@link CatalogueTable}. */
export interface CatalogueColumn {
  name: string;
  type: string;
  required: boolean;
  comment: string | null;
}
