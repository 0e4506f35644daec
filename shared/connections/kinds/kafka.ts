import { z } from "zod";
import { address, cache, commonFields, limits } from "./common.ts";
import { fieldClasses } from "./documents.ts";

/** Name of a topic or consumer group; `*` stands for any characters. */
const topicGlob = z
  .string()
  .regex(
    /^[A-Za-z0-9._*-]{1,249}$/,
    "must be a name of letters, digits, dots, _ and -, where * stands for any characters",
  );

/** How Gatehouse signs in. The password is in the vault. */
const auth = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("none") }),
  z.strictObject({
    type: z.enum(["plain", "scram-sha-256", "scram-sha-512"]),
    user: z.string().min(1).max(200),
  }),
]);

/** A Kafka cluster (2.1 or later) of at most five brokers. */
export const kafkaEntry = z.strictObject({
  kind: z.literal("kafka"),
  ...commonFields,
  limits,
  cache: cache.optional(),
  reach: address.describe("One broker; it names the others."),
  auth,
  expose: z
    .strictObject({
      topics: z.array(topicGlob).min(1).max(200).describe("Topics that may be read."),
      except: z.array(topicGlob).max(200).default([]).describe("Of these, the ones that may not."),
      groups: z
        .array(topicGlob)
        .max(200)
        .default([])
        .describe("Consumer groups whose offsets and lag may be read."),
    })
    .describe("Nothing else of the cluster can be named."),
  produce: z
    .array(topicGlob)
    .max(50)
    .default([])
    .describe("Exposed topics to which a tool may write. Without any, there is no such tool."),
  classes: fieldClasses.describe(
    "Classes of parts of messages by globs: `key`, `value.customer.email`, `headers.*`, `orders/value.*`. Of several the strictest counts.",
  ),
  allow_privileged_role: z
    .boolean()
    .default(false)
    .describe(
      "Uses an account that may do more than the entry says. Shown in red wherever the connection is shown.",
    ),
});

/** {@link kafkaEntry}, parsed. */
export type KafkaEntry = z.output<typeof kafkaEntry>;
