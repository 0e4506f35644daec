import { z } from "zod";
import type { MaskRules } from "../../../shared/call/mask-rules.ts";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { RedisEntry } from "../../../shared/connections/kinds/redis.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import {
  defineServer,
  defineTool,
  type ServerDefinition,
  type ToolContext,
  type ToolDefinition,
} from "../../../shared/server/define.ts";
import { askConnection } from "../ask-connection.ts";

/** A Redis connection, opened for one call. */
interface RedisCall {
  env: Env;
  name: string;
  revision: string;
  entry: RedisEntry;
  principal: PrincipalIdentity;
  masks: MaskRules;
}

/** The server of a published Redis connection. */
export function redisServer(name: string, entry: RedisEntry, revision: string): ServerDefinition {
  return defineServer<RedisCall>({
    name,
    title: entry.title,
    description: entry.description,
    instructions: `${entry.title}: find keys with ${name}_scan_keys, read one with ${name}_get_key.`,
    scopes: { [`${name}:read`]: `Read ${entry.title}` },
    baseline: `${name}:read`,
    defaults: z.object({}),
    store: (env, principal, masks) => ({ env, name, revision, entry, principal, masks }),
    tools: [scanKeys(name, entry), getKey(name, entry), readStream(name, entry)] as ToolDefinition<
      z.ZodObject,
      z.ZodObject | undefined,
      RedisCall
    >[],
    resources: [],
    prompts: [],
  }) as ServerDefinition;
}

function scanKeys(name: string, { title, expose, limits }: RedisEntry) {
  return defineTool({
    name: `${name}_scan_keys`,
    title: `List keys of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Lists keys of ${title} that begin with a prefix. Exposed: ${expose.prefixes.join(", ")}.`,
    input: z.object({
      prefix: z.string().min(1).max(500),
      cursor: z
        .string()
        .regex(/^\d{1,20}$/)
        .default("0")
        .describe("`next` of the previous answer"),
      limit: z.int().min(1).max(limits.rows).default(Math.min(100, limits.rows)),
    }),
    output: z.object({
      keys: z.array(z.object({ key: z.string(), type: z.string() })),
      next: z.string().nullable().describe("null: all keys were looked at"),
    }),
    overflow: "keys",
    async run({ prefix, cursor, limit }, context: ToolContext<RedisCall>) {
      requireExposed(context.store, prefix);
      return (await ask(context, "scan", { prefix, cursor, rows: limit })) as {
        keys: { key: string; type: string }[];
        next: string | null;
      };
    },
  });
}

function getKey(name: string, { title, limits }: RedisEntry) {
  return defineTool({
    name: `${name}_get_key`,
    title: `Read a key of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Reads one key of ${title}: a string, hash, list, set or sorted set. Long values are cut.`,
    input: z.object({
      key: z.string().min(1).max(1_000),
      field: z.string().max(1_000).optional().describe("One field of a hash"),
    }),
    output: z.object({
      key: z.string(),
      type: z.string(),
      expires_in_seconds: z.number().nullable(),
      value: z.unknown(),
      size: z.number().describe("Characters or members of the whole value"),
      cut: z.boolean(),
    }),
    async run({ key, field }, context: ToolContext<RedisCall>) {
      requireExposed(context.store, key);
      return (await ask(context, "get", { key, field: field ?? null, rows: limits.rows })) as {
        key: string;
        type: string;
        expires_in_seconds: number | null;
        value: unknown;
        size: number;
        cut: boolean;
      };
    },
  });
}

function readStream(name: string, { title, limits }: RedisEntry) {
  return defineTool({
    name: `${name}_read_stream`,
    title: `Read a stream of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Reads the newest entries of a stream of ${title}, newest first.`,
    input: z.object({
      key: z.string().min(1).max(1_000),
      before: z
        .string()
        .regex(/^\d{1,20}(-\d{1,20})?$/)
        .optional()
        .describe("Id of the last entry of the previous answer"),
      limit: z.int().min(1).max(limits.rows).default(Math.min(50, limits.rows)),
    }),
    output: z.object({
      entries: z.array(z.object({ id: z.string(), fields: z.record(z.string(), z.string()) })),
    }),
    overflow: "entries",
    async run({ key, before, limit }, context: ToolContext<RedisCall>) {
      requireExposed(context.store, key);
      const entries = await ask(context, "stream", { key, before: before ?? "", rows: limit });
      return { entries: entries as { id: string; fields: Record<string, string> }[] };
    },
  });
}

function requireExposed({ entry }: RedisCall, key: string): void {
  if (entry.expose.prefixes.some((prefix) => key.startsWith(prefix))) return;
  throw new ToolError(
    "forbidden",
    `${entry.title} exposes keys that begin with ${entry.expose.prefixes.join(", ")}.`,
    {
      suggestedAction: "Use one of these prefixes.",
    },
  );
}

function ask(
  context: ToolContext<RedisCall>,
  name: string,
  args: Record<string, JsonValue>,
): Promise<JsonValue> {
  const { env, principal, masks, ...target } = context.store;
  const { cache: rule, data_class, title } = target.entry;
  // Names of keys are data of the class, too.
  if (masks.fields[data_class] !== "show")
    throw new ToolError("forbidden", `${title} holds ${data_class} data, which this role may not see.`);
  const cache = rule && { rule, tool: name, masks, call: context };
  return askConnection(env, target, { name, arguments: args, repeatable: true, cache }, principal, context);
}
