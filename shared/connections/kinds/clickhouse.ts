import { z } from "zod";
import { address } from "./common.ts";
import { sqlAddress, sqlFields } from "./sql.ts";

/** A ClickHouse server (23 or later), over its HTTP interface. A schema is what it calls a database. */
export const clickhouseEntry = z.strictObject({
  kind: z.literal("clickhouse"),
  ...sqlFields,
  reach: address.extend(sqlAddress),
  identity: sqlFields.identity.refine(
    (settings) => Object.keys(settings).length === 0,
    "is not possible here: ClickHouse has no transaction whose settings row policies could read",
  ),
  queries: sqlFields.queries.refine(
    (queries) => Object.values(queries).every(({ effect }) => effect === "read"),
    "may only read: a ClickHouse connection does not write",
  ),
});

/** {@link clickhouseEntry}, parsed. */
export type ClickhouseEntry = z.output<typeof clickhouseEntry>;
