import { z } from "zod";
import { defineTool, type ToolContext } from "../../../shared/server/define.ts";
import { collectionField } from "../article-limits.ts";
import { MAX_QUESTION_LENGTH } from "../search/build-match.ts";
import { explainNothing } from "../search/explain-nothing.ts";
import { warnHit } from "../store/review.ts";
import { articleUri } from "../store/rows.ts";
import type { KnowledgeStore } from "../store.ts";

/** `search`: articles for a query, in the format of ChatGPT's connectors and deep research. */
export const search = defineTool({
  name: "search",
  title: "Search the knowledge base",
  description:
    "Finds articles of the company's knowledge base for a question, best first. Use it first, then call fetch " +
    "with an id.",
  effect: "read",
  scope: "knowledge:read",
  input: z.object({
    query: z
      .string()
      .trim()
      .min(1)
      .max(MAX_QUESTION_LENGTH)
      .describe('A question or key words; "quoted words" must occur.'),
    collection: collectionField.optional().describe("Search this collection only."),
    limit: z.int().min(1).max(50).default(10).describe("Most articles."),
  }),
  inherits: ["collection"],
  output: z.object({
    results: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        url: z.string().describe("Citation of the best section."),
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
  }),
  overflow: "results",
  async run({ query, collection, limit }, { store, now }: ToolContext<KnowledgeStore>) {
    const { hits, retrieval, searchable, confidence } = await store.searchArticles({
      question: query,
      collection,
      limit,
    });
    return {
      results: hits.map((hit) => ({
        id: hit.slug,
        title: hit.title,
        url: articleUri(hit.slug, hit.anchor),
        snippet: hit.snippet,
        collection: hit.collection,
        score: hit.score,
        ...warnHit(hit, now),
      })),
      retrieval,
      confidence,
      ...explainNothing(hits.length, searchable),
    };
  },
});
