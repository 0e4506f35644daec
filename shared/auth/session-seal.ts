import type { Keyring } from "./keyring.ts";
import { signText, verifyText } from "./sign-text.ts";

/**
 * Session ids as clients see them: `<id>.<seal>`, where the seal is a signature over the id, the user, the client and
 * the server. A stranger's request is refused before any Durable Object is addressed, so an unknown id never creates
 * one (MCP security best practices, «Session Hijacking»: bind session ids to the user).
 */

/** Whom a session belongs to. */
export interface SessionOwner {
  userId: string;
  clientId: string;
  /** Server path segment, or `""` for the door with everything. */
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

/** The id inside a sealed one, or `null` when the seal is not this owner's or its key is gone. */
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
  // JSON keeps the parts apart: no choice of names can make two owners look alike.
  return JSON.stringify([id, owner.userId, owner.clientId, owner.server]);
}
