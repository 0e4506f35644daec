import { z } from "zod";
import { address, cache, commonFields, limits } from "./common.ts";
import { fieldClasses } from "./documents.ts";

/** A name as MongoDB has it, without what commands read differently. */
const name = z
  .string()
  .regex(/^[^\s$"'`\\/\0]{1,120}$/, "must be a name without spaces, quotes, slashes and $");

/** Name of a collection or view; `*` stands for any characters. */
const collectionGlob = name.refine(
  (glob) => !glob.startsWith("system."),
  "names a system collection, which is never exposed",
);

/** A MongoDB server, 5.0 or later. One member of a replica set, or a router, is asked. */
export const mongodbEntry = z.strictObject({
  kind: z.literal("mongodb"),
  ...commonFields,
  limits,
  cache: cache.optional(),
  reach: address.extend({
    database: name,
    user: z.string().min(1).max(200),
    auth_database: name.default("admin").describe("Database in which the user is defined."),
  }),
  expose: z
    .strictObject({
      collections: z
        .array(collectionGlob)
        .min(1)
        .max(200)
        .describe("Collections and views that may be read."),
      except: z.array(collectionGlob).max(200).default([]).describe("Of these, the ones that may not."),
    })
    .describe("Nothing else of the database can be named."),
  classes: fieldClasses,
  allow_privileged_role: z
    .boolean()
    .default(false)
    .describe(
      "Uses an account that may write although every tool reads. Shown in red wherever the connection is shown.",
    ),
});

/** {@link mongodbEntry}, parsed. */
export type MongodbEntry = z.output<typeof mongodbEntry>;
