import { z } from "zod";
import { flowField } from "../flow.ts";
import { OBJECT_REGIONS } from "../regions.ts";

/** One line of text for people. */
export function line(most: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(most)
    .regex(/^\P{Cc}*$/u, "must be one line without control characters");
}

/** How sensitive a value is; see `Classification`. */
export const dataClass = z.enum(["public", "internal", "pii", "secret"]);

/** Name of a secret in the vault. */
const secretName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,47}$/, "must be a name in the vault, of lower-case letters, digits and hyphens");

/** What every connection states, whatever its kind. */
export const commonFields = {
  title: line(60).describe("Name for people, on the consent page and in lists."),
  description: line(300).describe("One sentence for people and models: what is in it."),
  owner: line(100).describe("Who is asked about it: a team or an e-mail address."),
  data_class: dataClass
    .default("internal")
    .describe("Class of every value that the file does not classify; masks of a role apply to it."),
  flow: flowField.optional(),
  location: z
    .enum(OBJECT_REGIONS)
    .optional()
    .describe(
      "Region near the other system, in which its sockets are opened. Default: DATA_LOCATION. Not in a jurisdiction.",
    ),
  secret: z
    .union(
      [
        secretName.describe("Name of the secret in the vault."),
        z.strictObject({
          secrets_store: z
            .string()
            .regex(/^[A-Z][A-Z0-9_]{0,60}$/, "must be the name of a binding, in capitals")
            .describe("Name of a binding of Cloudflare Secrets Store ([[secrets_store_secrets]])."),
        }),
      ],
      {
        error:
          "must be a name in the vault, of lower-case letters, digits and hyphens, or { secrets_store: BINDING }",
      },
    )
    .optional()
    .describe("Where the password or token is. Default: in the vault, under the connection's name."),
};

/** Bounds of one call and of the connection. */
export const limits = z
  .strictObject({
    rows: z.int().min(1).max(1_000).default(200).describe("Most rows of one answer."),
    bytes: z.int().min(1_000).max(1_000_000).default(200_000).describe("Most bytes of one answer."),
    seconds: z
      .int()
      .min(1)
      .max(60)
      .default(10)
      .describe("Seconds after which the other system stops a call."),
    concurrent: z.int().min(1).max(64).default(8).describe("Most calls at the same time."),
  })
  .prefault({});

/** How long the answer of a read may be given again to the same person, by the same question. */
export const cache = z
  .strictObject({
    fresh: z
      .int()
      .min(1)
      .max(3_600)
      .describe("Seconds for which an answer is given again without asking the other system."),
    stale: z
      .int()
      .min(0)
      .max(3_600)
      .default(0)
      .describe("Seconds after these for which it is given, marked as stale, while it is read again."),
  })
  .describe("Keeps answers of reads in memory. Without it every call asks the other system.");

/** {@link cache}, parsed. */
export type CacheRule = z.output<typeof cache>;

/** Address of a server that speaks a protocol of its own over TCP. */
export const address = z.strictObject({
  host: z
    .string()
    .regex(
      /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|(?=.*::|(?:[^:]+:){7}[^:]+$)(?!.*:::|.*::.*::)(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})$/,
      "must be a host name or an IP address",
    ),
  port: z.int().min(1).max(65_535).optional().describe("Default: the usual port of the kind."),
  tls: z
    .enum(["required", "off"])
    .default("required")
    .describe("`off` sends password and data unencrypted: for this machine and private networks only."),
});

/** Who is calling, for the other system. */
export const callerField = z.enum(["user_id", "email", "name", "role", "client_id"]);

/** What of the caller the other system is told; see {@link callerField}. */
export type CallerField = z.output<typeof callerField>;
