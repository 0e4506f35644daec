import { z } from "zod";
import { address } from "./common.ts";
import { sqlAddress, sqlFields } from "./sql.ts";

const hyperdrive = z.string().regex(/^[A-Z][A-Z0-9_]{0,60}$/, "must be the name of a Hyperdrive binding");

/** A PostgreSQL database, 13 or later. */
export const postgresqlEntry = z.strictObject({
  kind: z.literal("postgresql"),
  ...sqlFields,
  reach: z.union([address.extend(sqlAddress), z.strictObject({ hyperdrive })]),
});

/** {@link postgresqlEntry}, parsed. */
export type PostgresqlEntry = z.output<typeof postgresqlEntry>;
