import { z } from "zod";
import { defineCondition, denyUnless } from "./condition.ts";

/** The caller's country, as Cloudflare reports it. */
export const countries = defineCondition({
  schema: z
    .array(z.string().regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code such as DE"))
    .min(1)
    .max(250)
    .describe("Countries the call may come from. An unknown country is not among them."),
  compile: (codes) => denyUnless(({ country }) => country !== null && codes.includes(country)),
});
