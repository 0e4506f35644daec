import type { Keyring } from "./keyring.ts";
import { signText, verifyText } from "./sign-text.ts";

/**
 * Session ids as clients see them: `<id>.<seal>`, where the seal is a signature over id, user, client and
 * server. A request with another user's id is refused before any Durable Object is addressed, so an unknown
 * id never creates one (MCP security best practices, «Session Hijacking»: bind session ids to the user).
 */

/** The owner of a session. */
export interface SessionOwner {
  userId: string;
  clientId: string;
  /** Server path segment, or `""` for the URL with all servers. */
  server: string;
}

/** A new, unguessable, unsealed session id: 128 random bits in hex. */
export function createSessionId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/** Seals an id for its owner. */
export async function sealSessionId(keyring: Keyring, id: string, owner: SessionOwner): Promise<string> {
  return `${id}.${await signText(keyring, "session", describeSession(id, owner))}`;
}

/** The id inside a sealed one, or `null` if the seal is not this owner's or its key was removed. */
export async function openSessionId(
  keyring: Keyring,
  sealed: string,
  owner: SessionOwner,
): Promise<string | null> {
  const [, id, seal] = /^([0-9a-f]{32})\.(.{1,64})$/.exec(sealed) ?? [];
  if (!id || !seal) return null;
  return (await verifyText(keyring, "session", describeSession(id, owner), seal)) ? id : null;
}

function describeSession(id: string, owner: SessionOwner): string {
  // JSON separates the parts: no choice of names makes two owners equal.
  return JSON.stringify([id, owner.userId, owner.clientId, owner.server]);
}
