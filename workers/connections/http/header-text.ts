import { RefusedRequest } from "../connector.ts";

/**
 * Throws {@link RefusedRequest} for a secret that no header can have, such as one that was copied with more than itself: to
 * the runtime it would look like an outage. Spaces and line breaks around it do not count.
 */
export function requireHeaderText(secret: string, title: string): void {
  if (/^[\x20-\x7e\u00a0-\u00ff]*$/.test(secret.trim())) return;
  throw new RefusedRequest({
    code: "unavailable",
    message: `The secret of ${title} has characters that a header cannot have.`,
    action: "Ask its owner to set it again: npm run connections -- secret <name>",
    sent: false,
  });
}
