import { z } from "zod";

/** What a session of MongoDB does. `aggregate` sends stages that the judge has built, in extended JSON. */
export const mongodbOperation = z.discriminatedUnion("operation", [
  z.object({
    operation: z.literal("aggregate"),
    collection: z.string().min(1),
    stages: z.array(z.record(z.string(), z.json())),
    rows: z.int().min(1),
    bytes: z.int().min(1),
  }),
  z.object({ operation: z.literal("catalogue") }),
]);

/** Documents of an aggregation, bounded. */
export interface AnsweredDocuments {
  documents: Record<string, z.output<ReturnType<typeof z.json>>>[];
  /** Whether a bound ended the answer before the server did. */
  cut: boolean;
}
