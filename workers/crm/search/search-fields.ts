import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { splitWords } from "./query.ts";
import type { MatchKind, SearchPosition } from "./search.ts";

/** Ways in which rows match a query, best first. */
export const MATCH_KINDS = [
  "all_words",
  "similar_spelling",
  "some_words",
] as const satisfies readonly MatchKind[];

/** Tells the model how the rows match its words. */
export const matchField = z.enum(MATCH_KINDS).describe("How rows fit the query");

/** The position inside a search's cursor. */
export const searchPosition: z.ZodType<SearchPosition> = z.object({
  match: z.enum(MATCH_KINDS),
  tier: z.number().int().min(0).max(10),
  seq: z.number().int().min(0),
});

/** Throws for a query of punctuation only, which would otherwise match everything. */
export function requireWords(query: string | undefined): void {
  if (query !== undefined && splitWords(query).length === 0) {
    throw new ToolError("invalid_input", "The query holds no letter or digit.");
  }
}
