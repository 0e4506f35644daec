import { z } from "zod";
import type { MongodbEntry } from "../../../shared/connections/kinds/mongodb.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import {
  defineServer,
  defineTool,
  type ServerDefinition,
  type ToolContext,
  type ToolDefinition,
} from "../../../shared/server/define.ts";
import { searchObjects } from "../documents/search-objects.ts";
import { type DocumentAnswer, MongodbHandle } from "./handle.ts";

/** The server of a published MongoDB connection. */
export function mongodbServer(name: string, entry: MongodbEntry, revision: string): ServerDefinition {
  const nouns = { noun: "collection", plural: "collections", next: "find" };
  return defineServer<MongodbHandle>({
    name,
    title: entry.title,
    description: entry.description,
    instructions: `${entry.title}: find collections and fields with ${name}_search_objects, then read them with ${name}_find, ${name}_count and ${name}_aggregate.`,
    scopes: { [`${name}:read`]: `Read ${entry.title}` },
    baseline: `${name}:read`,
    defaults: z.object({}),
    store: (env, principal, masks) => new MongodbHandle({ env, name, revision, entry, principal, masks }),
    tools: [searchObjects(name, entry, nouns), find(name, entry), count(name, entry), aggregate(name, entry)],
    resources: [],
    prompts: [],
  }) as ServerDefinition;
}

const filter = z
  .record(z.string(), z.unknown())
  .default({})
  .describe('Query; {"$oid": …} and {"$date": …} for values that JSON lacks');

const collection = z.string().min(1).max(200);

const answerShape = {
  documents: z.array(z.record(z.string(), z.unknown())),
  cut: z.boolean().describe("True: a limit ended the list"),
  hints: z.array(z.string()).optional(),
};

function present({ documents, cut, hints }: DocumentAnswer) {
  return { documents, cut, ...(hints.length > 0 && { hints }) };
}

function find(name: string, { title, limits }: MongodbEntry): ToolDefinition {
  return defineTool({
    name: `${name}_find`,
    title: `Find documents of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Finds documents of a collection of ${title} by a MongoDB query. At most ${limits.rows} are returned; to sum up, use ${name}_aggregate.`,
    input: z.object({
      collection,
      filter,
      fields: z.array(z.string().min(1).max(300)).max(100).optional().describe("Default: all"),
      sort: z.record(z.string(), z.literal([1, -1])).optional(),
      skip: z.int().min(0).max(100_000).default(0),
      limit: z.int().min(1).max(limits.rows).default(Math.min(20, limits.rows)),
    }),
    output: z.object(answerShape),
    overflow: "documents",
    timeoutMs: (limits.seconds + 5) * 1_000,
    async run(
      { collection: from, filter: match, fields, sort, skip, limit },
      context: ToolContext<MongodbHandle>,
    ) {
      const pipeline = [
        { $match: match },
        ...(sort === undefined ? [] : [{ $sort: sort }]),
        ...(skip === 0 ? [] : [{ $skip: skip }]),
        ...(fields === undefined
          ? []
          : [{ $project: Object.fromEntries(fields.map((field) => [field, 1])) }]),
      ] as JsonValue;
      return present(await context.store.aggregate(from, pipeline, limit, context));
    },
  }) as unknown as ToolDefinition;
}

function count(name: string, { title, limits }: MongodbEntry): ToolDefinition {
  return defineTool({
    name: `${name}_count`,
    title: `Count documents of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Counts documents of a collection of ${title}: all, or by each distinct value of a field, most frequent first.`,
    input: z.object({
      collection,
      filter,
      by: z.string().min(1).max(300).optional().describe("Field whose distinct values are counted"),
      limit: z.int().min(1).max(limits.rows).default(Math.min(50, limits.rows)),
    }),
    output: z.object({
      values: z.array(z.object({ value: z.unknown(), count: z.unknown() })),
      cut: z.boolean(),
    }),
    overflow: "values",
    timeoutMs: (limits.seconds + 5) * 1_000,
    async run({ collection: from, filter: match, by, limit }, context: ToolContext<MongodbHandle>) {
      // Each value of a list counts by itself.
      const path = `$${by}`;
      const values = [{ $unwind: { path, preserveNullAndEmptyArrays: true } }];
      const pipeline = [
        { $match: match },
        ...(by === undefined ? [] : values),
        { $group: { _id: by === undefined ? null : path, count: { $count: {} } } },
        { $sort: { count: -1 } },
      ] as JsonValue;
      const { documents, cut } = await context.store.aggregate(from, pipeline, limit, context);
      const found = documents.map(({ _id, count: documentCount }) => ({
        value: _id ?? null,
        count: documentCount,
      }));
      return { values: by === undefined && found.length === 0 ? [{ value: null, count: 0 }] : found, cut };
    },
  }) as unknown as ToolDefinition;
}

function aggregate(name: string, { title, limits }: MongodbEntry): ToolDefinition {
  return defineTool({
    name: `${name}_aggregate`,
    title: `Aggregate documents of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Runs an aggregation pipeline on a collection of ${title}. Nothing is written; no JavaScript.`,
    input: z.object({
      collection,
      pipeline: z.array(z.record(z.string(), z.unknown())).min(1).max(30),
      limit: z.int().min(1).max(limits.rows).default(Math.min(100, limits.rows)),
    }),
    output: z.object(answerShape),
    overflow: "documents",
    timeoutMs: (limits.seconds + 5) * 1_000,
    async run({ collection: from, pipeline, limit }, context: ToolContext<MongodbHandle>) {
      return present(await context.store.aggregate(from, pipeline as JsonValue, limit, context));
    },
  }) as unknown as ToolDefinition;
}
