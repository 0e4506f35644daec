import { toDisplayText } from "../../../shared/text/display-text.ts";
import type { GrantUse } from "../../objects/grants/grant-uses.ts";

/** Longest name that an app gives itself in HTTP, in characters, that is kept. */
const AGENT_LENGTH = 120;

/** From where a token request came, cleaned for showing. */
export function readUse({ headers }: Request): GrantUse {
  const agent = toDisplayText(headers.get("User-Agent") ?? "", AGENT_LENGTH);
  const address = toDisplayText(headers.get("CF-Connecting-IP") ?? "", 45);
  return { address: address || null, userAgent: agent || null };
}
