import { z } from "zod";
import { compileNetworks } from "../network.ts";
import { defineCondition, denyUnless } from "./condition.ts";

/** Network of the caller's address. */
export const networks = defineCondition({
  schema: z
    .array(z.union([z.cidrv4(), z.cidrv6()], "must be a network such as 203.0.113.0/24 or 2001:db8::/32"))
    .min(1)
    .max(250)
    .describe("Networks (CIDR, RFC 4632) the call may come from. An unknown address is in none."),
  compile(blocks) {
    const isWithin = compileNetworks(blocks);
    return denyUnless(({ ip }) => isWithin(ip));
  },
});
