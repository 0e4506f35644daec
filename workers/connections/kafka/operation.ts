import { z } from "zod";

const topic = z.string().min(1);

/** What a session of Kafka does. */
export const kafkaOperation = z.discriminatedUnion("operation", [
  z.object({ operation: z.literal("catalogue") }),
  z.object({ operation: z.literal("offsets"), topic, group: z.string().nullable() }),
  z.object({
    operation: z.literal("peek"),
    topic,
    partition: z.int().min(0).nullable(),
    /** From this offset on, from this time on (milliseconds), or the newest ones. */
    from: z.union([z.object({ offset: z.string() }), z.object({ time: z.int() }), z.null()]),
    rows: z.int().min(1),
    bytes: z.int().min(1),
  }),
  z.object({
    operation: z.literal("produce"),
    topic,
    key: z.string().nullable(),
    value: z.string(),
    headers: z.record(z.string(), z.string()),
  }),
]);

/** {@link kafkaOperation}, parsed, for a look at messages. */
export type PeekOperation = Extract<z.output<typeof kafkaOperation>, { operation: "peek" }>;

type Json = z.output<ReturnType<typeof z.json>>;

/** A message, its parts as JSON where they are text. */
export interface SeenMessage {
  partition: number;
  offset: string;
  /** ISO 8601. */
  time: string | null;
  key: Json;
  value: Json;
  headers: Record<string, Json>;
}

/** Messages, bounded. */
export interface SeenMessages {
  messages: SeenMessage[];
  /** Whether a bound left out messages that the cluster has given, or would have given. */
  cut: boolean;
}

/** Where the messages of one partition begin and end, and where a group is. */
export interface PartitionOffsets {
  partition: number;
  earliest: string;
  latest: string;
  committed?: string | null;
  lag?: number | null;
}
