import { siteOf } from "../../../shared/policy/network.ts";

/**
 * Address under which attempts are counted. An IPv6 address counts as its /64, because one subscriber has all
 * of it (RFC 6177 §2).
 */
export function countedAddress(headers: Headers): string {
  return siteOf(headers.get("CF-Connecting-IP")) ?? "unknown";
}
