import { z } from "zod";
import { address, callerField } from "./common.ts";
import { sqlFields } from "./sql.ts";

/**
 * An Oracle database, 12.1 or later, through its listener. Names are those of the data dictionary: in upper case
 * unless they were made in quotes.
 */
export const oracleEntry = z.strictObject({
  kind: z.literal("oracle"),
  ...sqlFields,
  reach: address.extend({
    service: z
      .string()
      .regex(
        /^[A-Za-z][A-Za-z0-9_.$#-]{0,127}$/,
        "must be the name of a service, such as SALES or sales.example.com",
      )
      .describe("Name of the service at the listener."),
    user: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9_$#]{0,127}$/, "must be the name of an account, such as GATEHOUSE"),
  }),
  identity: z
    .record(
      z
        .string()
        .regex(
          /^(?:client_identifier|clientcontext\.[a-z][a-z0-9_]{0,29})$/,
          "must be client_identifier, or clientcontext. and a name in lower case",
        ),
      callerField,
    )
    .default({})
    .describe(
      "What says who is calling, for policies on rows: the client identifier, or values of the context CLIENTCONTEXT.",
    ),
});

/** {@link oracleEntry}, parsed. */
export type OracleEntry = z.output<typeof oracleEntry>;
