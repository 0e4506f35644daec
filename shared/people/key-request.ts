import { z } from "zod";
import { keyCertificates } from "../policy/conditions/certificate.ts";
import { networks } from "../policy/conditions/networks.ts";

/** Days that a key lives if its owner chooses none, and at most. */
export const KEY_DAYS = { default: 90, max: 365 } as const;

/** Hours for which the earlier secret of a key still works after a rotation. */
export const OVERLAP_HOURS = { default: 24, max: 7 * 24 } as const;

/** How a service account proves itself: by the text of its key, a signature, or the token of a trusted issuer. */
const PROOFS = ["secret", "public_key", "workload"] as const;

/** One of {@link PROOFS}. */
export type Proof = (typeof PROOFS)[number];

/** Longest name of a key. */
export const KEY_NAME_LENGTH = 80;

const glob = z
  .string()
  .max(128)
  .regex(/^[\w.*-]+$/, "must be a name such as crm_search, or a pattern such as crm_*");

/** What a person asks for when they make a key: the texts of a form or a command, checked. */
export const keyRequest = z.object({
  name: z
    .string()
    .trim()
    .min(1, "A key needs a name: the agent or job that uses it")
    .max(KEY_NAME_LENGTH)
    .regex(/^\P{Cc}+$/u, "must not have control characters"),
  scopes: z.array(z.string().max(64)).min(1, "Choose at least one permission").max(100),
  resources: z.array(z.string().max(128)).min(1, "Choose at least one MCP address").max(50),
  tools: z.array(glob).max(50),
  networks: z.union([z.tuple([]), networks.schema]),
  certificates: keyCertificates.default([]),
  proof: z.enum(PROOFS, "must be one of the ways that the form offers").default("secret"),
  days: z.coerce
    .number("must be a number of days")
    .int()
    .min(1)
    .max(KEY_DAYS.max, `A key lives ${KEY_DAYS.max} days at most`),
});

/** A checked request for a key. */
export type KeyRequest = z.output<typeof keyRequest>;

/** Cuts a typed list at white space and commas. */
export function splitList(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== "");
}
