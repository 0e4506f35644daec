import { z } from "zod";
import type { OpensearchEntry } from "../../../shared/connections/kinds/opensearch.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import {
  defineServer,
  defineTool,
  type ServerDefinition,
  type ToolContext,
  type ToolDefinition,
} from "../../../shared/server/define.ts";
import { searchObjects } from "../documents/search-objects.ts";
import { SearchHandle } from "./handle.ts";

/** Most characters of `from` and `limit` together that a server takes (`index.max_result_window`). */
const WINDOW = 10_000;

/** The server of a published OpenSearch or Elasticsearch connection. */
export function opensearchServer(name: string, entry: OpensearchEntry, revision: string): ServerDefinition {
  const nouns = { noun: "index", plural: "indices", next: "search" };
  return defineServer<SearchHandle>({
    name,
    title: entry.title,
    description: entry.description,
    instructions: `${entry.title}: find indices and fields with ${name}_search_objects, then read them with ${name}_search.`,
    scopes: { [`${name}:read`]: `Read ${entry.title}` },
    baseline: `${name}:read`,
    defaults: z.object({}),
    store: (env, principal, masks) => new SearchHandle({ env, name, revision, entry, principal, masks }),
    tools: [searchObjects(name, entry, nouns), search(name, entry)],
    resources: [],
    prompts: [],
  }) as ServerDefinition;
}

const json = z.record(z.string(), z.unknown());

function search(name: string, { title, limits }: OpensearchEntry): ToolDefinition {
  return defineTool({
    name: `${name}_search`,
    title: `Search ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Searches documents of ${title} in the query DSL of OpenSearch, or aggregates them (limit 0). No scripts, no lookups in other indices. At most ${limits.rows} documents are returned.`,
    input: z.object({
      index: z.string().min(1).max(1_000).describe("Names with commas; * for any characters"),
      query: json.optional().describe('Such as {"term":{"status":"open"}}'),
      aggs: json.optional(),
      sort: z.array(z.unknown()).max(5).optional(),
      fields: z.array(z.string().max(300)).max(100).optional().describe("Of the documents; default all"),
      highlight: z.array(z.string().max(300)).max(10).optional().describe("Fields"),
      limit: z.int().min(0).max(limits.rows).default(Math.min(20, limits.rows)),
      from: z
        .int()
        .min(0)
        .max(WINDOW - limits.rows)
        .default(0),
      after: z.array(z.unknown()).max(5).optional().describe("`sort` of the last document"),
    }),
    output: z.object({
      total: z.number(),
      exact: z.boolean().describe("False: at least so many"),
      complete: z.boolean().describe("False: the server stopped at a limit; numbers are of a part"),
      cut: z.boolean(),
      aggregations: json.optional(),
      hits: z.array(
        z.object({
          index: z.string(),
          id: z.string(),
          score: z.number().nullable(),
          source: json,
          highlight: json.optional(),
          sort: z.array(z.unknown()).optional(),
        }),
      ),
    }),
    overflow: "hits",
    timeoutMs: (limits.seconds + 5) * 1_000,
    async run({ index, limit, from, ...asked }, context: ToolContext<SearchHandle>) {
      const answer = await context.store.search(
        index,
        asked as Record<string, JsonValue | undefined>,
        { rows: limit, from },
        context,
      );
      const { total, hits, complete, cut, aggregations } = answer;
      return {
        total: total.value,
        exact: total.isExact,
        complete,
        cut,
        ...(aggregations !== null && { aggregations }),
        hits,
      };
    },
  }) as unknown as ToolDefinition;
}
