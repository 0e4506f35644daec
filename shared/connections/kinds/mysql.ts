import { z } from "zod";
import { address } from "./common.ts";
import { sqlAddress, sqlFields } from "./sql.ts";

const hyperdrive = z.string().regex(/^[A-Z][A-Z0-9_]{0,60}$/, "must be the name of a Hyperdrive binding");

/** A MySQL (8.0 or later) or MariaDB (10.6 or later) database. A schema is what they call a database. */
export const mysqlEntry = z.strictObject({
  kind: z.literal("mysql"),
  ...sqlFields,
  reach: z.union([address.extend(sqlAddress), z.strictObject({ hyperdrive })]),
});

/** {@link mysqlEntry}, parsed. */
export type MysqlEntry = z.output<typeof mysqlEntry>;
