/**
 * Session ids as clients see them: `<id>.<seal>`, where the seal is an HMAC-SHA-256 over the id, the user, the
 * client and the server. A stranger's request is refused before any Durable Object is addressed, so an unknown id
 * never creates one (MCP security best practices, «Session Hijacking»: bind session ids to the user).
 */

const encoder = new TextEncoder();
const keys = new Map<string, Promise<CryptoKey>>();

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
export async function sealSessionId(secret: string, id: string, owner: SessionOwner): Promise<string> {
  const mac = await crypto.subtle.sign("HMAC", await importKey(secret), message(id, owner));
  return `${id}.${toBase64Url(new Uint8Array(mac))}`;
}

/** The id inside a sealed one, or `null` when the seal is not this owner's. Compares in constant time. */
export async function openSessionId(
  secret: string,
  sealed: string,
  owner: SessionOwner,
): Promise<string | null> {
  const match = /^([0-9a-f]{32})\.([A-Za-z0-9_-]{43})$/.exec(sealed);
  const [, id, seal] = match ?? [];
  if (!id || !seal) return null;
  const valid = await crypto.subtle.verify(
    "HMAC",
    await importKey(secret),
    fromBase64Url(seal),
    message(id, owner),
  );
  return valid ? id : null;
}

function message(id: string, owner: SessionOwner): Uint8Array {
  // JSON keeps the parts apart: no choice of names can make two owners look alike.
  return encoder.encode(JSON.stringify(["session", id, owner.userId, owner.clientId, owner.server]));
}

function importKey(secret: string): Promise<CryptoKey> {
  let key = keys.get(secret);
  if (!key) {
    key = crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
      "sign",
      "verify",
    ]);
    keys.set(secret, key);
  }
  return key;
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
}
