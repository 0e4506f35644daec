import { z } from "zod";
import { address, cache, commonFields, limits } from "./common.ts";
import { fieldClasses } from "./documents.ts";
import { httpAuth } from "./http-auth.ts";

/** Name of an index, alias or data stream; `*` stands for any characters. Not of another cluster, no date arithmetic. */
const indexGlob = z
  .string()
  .regex(
    /^[^\s\\/?"<>|,:#A-Z+_-][^\s\\/?"<>|,:#A-Z]{0,199}$/,
    "must be the name of an index in lower case, where * stands for any characters",
  );

/** Ways to sign in that such servers have. */
const AUTH_TYPES: readonly string[] = ["none", "basic", "header", "bearer", "aws"];

/** An OpenSearch (2 or later) or Elasticsearch (7.14 or later) cluster, over HTTP. */
export const opensearchEntry = z.strictObject({
  kind: z.literal("opensearch"),
  ...commonFields,
  limits,
  cache: cache.optional(),
  reach: address.extend({
    path: z
      .string()
      .regex(/^(?:\/[A-Za-z0-9._~-]{1,60}){1,6}$/, "must be a path without a slash at its end")
      .optional()
      .describe("Path before that of each request, where a proxy has one."),
  }),
  auth: httpAuth
    .refine(({ type }) => AUTH_TYPES.includes(type), `must have one of the types ${AUTH_TYPES.join(", ")}`)
    .describe("`header` with name `Authorization` and prefix `ApiKey ` for an API key."),
  expose: z
    .strictObject({
      indices: z
        .array(indexGlob)
        .min(1)
        .max(200)
        .describe("Indices, aliases and data streams that may be searched."),
      except: z.array(indexGlob).max(200).default([]).describe("Of these, the ones that may not."),
    })
    .describe("Nothing else of the cluster can be named."),
  classes: fieldClasses,
  documents_per_shard: z
    .int()
    .min(1_000)
    .max(1_000_000_000)
    .default(10_000_000)
    .describe("Documents of a shard after which the server ends a search (`terminate_after`)."),
  allow_privileged_role: z
    .boolean()
    .default(false)
    .describe(
      "Uses an account that may write although every tool reads. Shown in red wherever the connection is shown.",
    ),
});

/** {@link opensearchEntry}, parsed. */
export type OpensearchEntry = z.output<typeof opensearchEntry>;
