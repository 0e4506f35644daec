import { z } from "zod";

/** What a session of OpenSearch does. `search` sends a body that the judge has built, to indices of the catalogue. */
export const searchOperation = z.discriminatedUnion("operation", [
  z.object({
    operation: z.literal("search"),
    indices: z.array(z.string()).min(1),
    body: z.record(z.string(), z.json()),
    rows: z.int().min(0),
    from: z.int().min(0),
    bytes: z.int().min(1),
  }),
  z.object({ operation: z.literal("catalogue") }),
]);

/** {@link searchOperation}, parsed, for a search. */
export type SearchOperation = Extract<z.output<typeof searchOperation>, { operation: "search" }>;

type JsonObject = Record<string, z.output<ReturnType<typeof z.json>>>;

/** One document that a search found. */
export interface FoundDocument {
  index: string;
  id: string;
  score: number | null;
  source: JsonObject;
  highlight?: JsonObject;
  sort?: z.output<ReturnType<typeof z.json>>[];
}

/** Answer of a search, bounded. */
export interface SearchAnswer {
  /** Documents that match; `isExact` is false above what the server counts. */
  total: { value: number; isExact: boolean };
  hits: FoundDocument[];
  aggregations: JsonObject | null;
  /** False if the server stopped at a limit: the numbers are of a part of the documents. */
  complete: boolean;
  /** Whether a bound left out documents of this page. */
  cut: boolean;
}
