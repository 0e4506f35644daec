import { RefusedRequest } from "../connector.ts";

/**
 * A secret as a header has it: without the white space around it. Throws {@link RefusedRequest} for one that no header can
 * have, such as one that was copied with more than itself: to the runtime it would look like an outage.
 */
export function requireHeaderText(secret: string, title: string): string {
  const text = secret.trim();
  if (/^[\x20-\x7e\u00a0-\u00ff]*$/.test(text)) return text;
  throw new RefusedRequest({
    code: "unavailable",
    message: `The secret of ${title} has characters that a header cannot have.`,
    action: "Ask its owner to set it again: npm run connections -- secret <name>",
    sent: false,
  });
}
