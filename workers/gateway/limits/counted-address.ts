import { siteOf } from "../../../shared/policy/network.ts";

/**
 * What attempts from one place are counted under. An IPv6 address is counted with all others of its /64, because each
 * of them is the same subscriber's to use (RFC 6177 §2).
 */
export function countedAddress(headers: Headers): string {
  return siteOf(headers.get("CF-Connecting-IP")) ?? "unknown";
}
