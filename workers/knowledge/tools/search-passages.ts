import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { collectionField } from "../article-limits.ts";
import { MAX_QUESTION_LENGTH } from "../search/build-match.ts";
import { explainNothing } from "../search/explain-nothing.ts";
import { MAX_HITS } from "../store/find-candidates.ts";
import { warnHit } from "../store/review.ts";
import { articleUri } from "../store/rows.ts";
import type { KnowledgeStore } from "../store.ts";

/** `knowledge_search_passages`: the passages that answer a query, each with its citation. */
export const searchPassages = defineTool({
  name: "knowledge_search_passages",
  title: "Search passages",
  description:
    "Finds the passages that answer a question, each with a citation. Use it to answer with citations; fetch one to " +
    "read its section in full.",
  effect: "read",
  scope: "knowledge:read",
  input: z.object({
    query: z
      .string()
      .trim()
      .min(1)
      .max(MAX_QUESTION_LENGTH)
      .describe('A question or key words; "quoted words" must occur, word* matches beginnings.'),
    collection: collectionField.optional().describe("Search this collection only."),
    limit: z.int().min(1).max(50).default(8).describe("Passages per page."),
    offset: z
      .int()
      .min(0)
      .max(MAX_HITS - 50)
      .default(0)
      .describe("next_offset of the page before."),
  }),
  inherits: ["collection"],
  output: z.object({
    passages: z.array(
      z.object({
        citation: z.string(),
        article: z.string(),
        title: z.string(),
        heading: z.string(),
        snippet: z.string().describe("Words found stand between **."),
        collection: z.string(),
        score: z.number(),
        warning: z.string().optional().describe("Pass it on."),
      }),
    ),
    retrieval: z.enum(["hybrid", "full_text"]).describe("hybrid: by words and by meaning."),
    nothing_searched: z.string().optional(),
    confidence: z
      .number()
      .describe("0 to 1: how likely the first ones answer it. Below 0.5: probably none does; say so."),
    next_offset: z.int().optional(),
  }),
  overflow: "passages",
  async run({ query, collection, limit, offset }, { store, now }: ToolContext<KnowledgeStore>) {
    // One row more than requested shows whether there is a next page.
    const { hits, retrieval, searchable, confidence } = await store.searchPassages({
      question: query,
      collection,
      limit: limit + 1,
      offset,
    });
    const next = offset + limit;
    return {
      passages: hits.slice(0, limit).map((hit) => ({
        citation: articleUri(hit.slug, hit.anchor),
        article: hit.slug,
        title: hit.title,
        heading: hit.heading,
        snippet: hit.snippet,
        collection: hit.collection,
        score: hit.score,
        ...warnHit(hit, now),
      })),
      retrieval,
      confidence,
      ...explainNothing(hits.length, searchable),
      ...(hits.length > limit && next <= MAX_HITS - 50 && { next_offset: next }),
    };
  },
});
