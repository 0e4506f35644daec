import { SERVICE_TOKEN_PATTERN, SERVICE_TOKEN_PREFIX } from "../call/key-pattern.ts";
import type { Keyring } from "./keyring.ts";
import { openSealedText, sealText } from "./seal-text.ts";

/** What an access token of a service account says. It is stored nowhere but in the token. */
export interface ServiceToken {
  /** Digest of the credential behind it: the token ends with that. */
  credential: string;
  scopes: readonly string[];
  /** Milliseconds since the epoch. */
  until: number;
}

const SHAPE = new RegExp(`^${SERVICE_TOKEN_PATTERN}$`);

/** Makes a token that opens at this resource only. */
export async function createServiceToken(
  keyring: Keyring,
  resource: string,
  { credential, scopes, until }: ServiceToken,
): Promise<string> {
  const text = JSON.stringify([credential, scopes, until]);
  return `${SERVICE_TOKEN_PREFIX}${await sealText(keyring, aboutOf(resource), text)}`;
}

/** Opens a token of {@link createServiceToken}; `null` if it is of another resource, changed, or over. */
export async function openServiceToken(
  keyring: Keyring,
  resource: string,
  token: string,
  now: number,
): Promise<ServiceToken | null> {
  if (!SHAPE.test(token)) return null;
  const text = await openSealedText(keyring, aboutOf(resource), token.slice(SERVICE_TOKEN_PREFIX.length));
  if (text === null) return null;
  const [credential, scopes, until] = JSON.parse(text) as [string, string[], number];
  return now < until ? { credential, scopes, until } : null;
}

/** Whether a bearer token claims to be one of a service account. */
export function looksLikeServiceToken(token: string): boolean {
  return token.startsWith(SERVICE_TOKEN_PREFIX);
}

function aboutOf(resource: string): string[] {
  return ["service token", resource];
}
