import { toDisplayText } from "../../../shared/text/display-text.ts";
import type { GrantUse } from "../../objects/grants/grant-uses.ts";

/** Most characters of the `User-Agent` that are stored. */
const AGENT_LENGTH = 120;

/** Origin of a token request, cleaned for display. */
export function readUse({ headers }: Request): GrantUse {
  const agent = toDisplayText(headers.get("User-Agent") ?? "", AGENT_LENGTH);
  const address = toDisplayText(headers.get("CF-Connecting-IP") ?? "", 45);
  return { address: address || null, userAgent: agent || null };
}
