import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { KafkaEntry } from "../../../shared/connections/kinds/kafka.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import {
  defineServer,
  defineTool,
  type ServerDefinition,
  type ToolContext,
  type ToolDefinition,
} from "../../../shared/server/define.ts";
import { idempotencyField } from "../../../shared/server/idempotency.ts";
import { searchObjects } from "../documents/search-objects.ts";
import { scopesOf } from "../scopes.ts";
import { KafkaHandle } from "./handle.ts";

/** The server of a published Kafka connection. */
export function kafkaServer(name: string, entry: KafkaEntry, revision: string): ServerDefinition {
  const nouns = { noun: "topic", plural: "topics", next: "peek" };
  const tools = [searchObjects(name, entry, nouns), readOffsets(name, entry), peek(name, entry)];
  if (entry.produce.length > 0) tools.push(produce(name, entry));
  return defineServer<KafkaHandle>({
    name,
    title: entry.title,
    description: entry.description,
    instructions: `${entry.title}: find topics and fields with ${name}_search_objects, then look at messages with ${name}_peek.`,
    scopes: scopesOf(
      name,
      entry.title,
      tools.map(({ scope }) => scope),
    ),
    baseline: `${name}:read`,
    defaults: z.object({}),
    store: (env, principal, masks) => new KafkaHandle({ env, name, revision, entry, principal, masks }),
    tools,
    resources: [],
    prompts: [],
  }) as ServerDefinition;
}

const topic = z.string().min(1).max(249);

function readOffsets(name: string, { title }: KafkaEntry): ToolDefinition {
  return defineTool({
    name: `${name}_read_offsets`,
    title: `Read offsets of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Shows where each partition of a topic of ${title} begins and ends, and how far a consumer group is behind.`,
    input: z.object({ topic, group: z.string().min(1).max(249).optional().describe("Consumer group") }),
    output: z.object({
      partitions: z.array(
        z.object({
          partition: z.number(),
          earliest: z.string(),
          latest: z.string().describe("Offset of the next message"),
          committed: z.string().nullish(),
          lag: z.number().nullish(),
        }),
      ),
    }),
    overflow: "partitions",
    async run({ topic: of, group }, context: ToolContext<KafkaHandle>) {
      return { partitions: await context.store.offsets(of, group, context) };
    },
  }) as unknown as ToolDefinition;
}

function peek(name: string, { title, limits }: KafkaEntry): ToolDefinition {
  return defineTool({
    name: `${name}_peek`,
    title: `Look at messages of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Shows messages of a topic of ${title}: the newest, or from an offset or a time on. No consumer group notices.`,
    input: z.object({
      topic,
      partition: z.int().min(0).max(100_000).optional(),
      offset: z
        .string()
        .regex(/^\d{1,18}$/)
        .optional()
        .describe("From here on; needs `partition`"),
      since: z.iso.datetime({ offset: true }).optional().describe("From this time on"),
      limit: z.int().min(1).max(limits.rows).default(Math.min(20, limits.rows)),
    }),
    output: z.object({
      messages: z.array(
        z.object({
          partition: z.number(),
          offset: z.string(),
          time: z.string().nullable(),
          key: z.unknown(),
          value: z.unknown(),
          headers: z.record(z.string(), z.unknown()),
        }),
      ),
      cut: z.boolean().describe("True: there are more"),
    }),
    overflow: "messages",
    timeoutMs: (limits.seconds + 5) * 1_000,
    async run({ topic: of, partition, offset, since, limit }, context: ToolContext<KafkaHandle>) {
      const time = since === undefined ? null : { time: Date.parse(since) };
      // An offset counts within one partition alone.
      if (offset !== undefined && partition === undefined)
        throw new ToolError("invalid_input", "An offset needs the partition in which it counts.", {
          suggestedAction: `Give \`partition\`; ${name}_read_offsets shows them.`,
        });
      const from = offset === undefined ? time : { offset };
      const asked = { topic: of, partition: partition ?? null, from, rows: limit };
      return await context.store.peek(asked, context);
    },
  }) as unknown as ToolDefinition;
}

function produce(name: string, { title, produce: topics }: KafkaEntry): ToolDefinition {
  const tool = `${name}_produce`;
  return defineTool({
    name: tool,
    title: `Write a message to ${title}`,
    effect: "create",
    scope: `${name}:write`,
    openWorld: true,
    description: `Writes one message to a topic of ${title}: ${topics.join(", ")}. Programs that read the topic act on it.`,
    input: z.object({
      topic,
      key: z.string().max(10_000).optional(),
      value: z.union([z.string().max(100_000), z.record(z.string(), z.unknown())]).describe("Text, or JSON"),
      headers: z.record(z.string().regex(/^[\w.-]{1,100}$/), z.string().max(1_000)).default({}),
      idempotency_key: idempotencyField.optional(),
    }),
    output: z.object({
      partition: z.number(),
      offset: z.string().nullable(),
      replayed: z.boolean().describe("True if an earlier call with this key did it"),
    }),
    async check(input: object, { store }: Pick<ToolContext<KafkaHandle>, "store">) {
      await store.refuseKey(store.keyOf(tool, input as Input));
    },
    async run(input, context: ToolContext<KafkaHandle>) {
      const { topic: to, key, value, headers } = input;
      const message = { topic: to, key: key ?? null, value: value as JsonValue, headers };
      const once = context.store.keyOf(tool, input as Input);
      const { replayed = false, ...written } = await context.store.produce(message, context, once);
      return { ...written, replayed };
    },
  }) as unknown as ToolDefinition;
}

type Input = Readonly<Record<string, JsonValue | undefined>>;
