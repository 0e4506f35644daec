import { z } from "zod";
import { address, cache, commonFields, limits } from "./common.ts";

/** A Redis (6 or later) or Valkey server. */
export const redisEntry = z.strictObject({
  kind: z.literal("redis"),
  ...commonFields,
  limits,
  cache: cache.optional(),
  reach: address.extend({
    user: z
      .string()
      .regex(/^\S{1,63}$/)
      .default("default")
      .describe("Name of the ACL user."),
    database: z.int().min(0).max(1_000).default(0),
  }),
  expose: z
    .strictObject({
      prefixes: z
        .array(z.string().min(1).max(200))
        .min(1)
        .max(100)
        .describe("Beginnings of the keys that may be read."),
    })
    .describe("No other key can be read or listed."),
  allow_privileged_role: z
    .boolean()
    .default(false)
    .describe("Uses a user that may write although every tool reads."),
});

/** {@link redisEntry}, parsed. */
export type RedisEntry = z.output<typeof redisEntry>;
