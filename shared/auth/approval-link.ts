import type { Keyring } from "./keyring.ts";
import { type Purpose, signText, verifyText } from "./sign-text.ts";

/** Contents of a link to an approval. */
export interface ApprovalLink {
  approvalId: string;
  /** User whose app made the request; their Principal object holds the approval. */
  requester: string;
}

/** Contents of a link to the page where a person gives their second factor for an app. */
export interface FactorLink {
  /** The connected app, or the API key. */
  grantId: string;
  userId: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The last path segment of an approval page: a signature and the approval it names. The link grants no
 * access, because the page requires a signed-in user; the signature prevents guessing of ids. Encoded in
 * letters only, because texts that contain a link are searched for numbers and keys to mask.
 */
export function signApprovalLink(keyring: Keyring, { approvalId, requester }: ApprovalLink): Promise<string> {
  return signLink(keyring, "approval link", `${approvalId}.${requester}`);
}

/** The approval that a link names, or `null` if none of these keys signed it. */
export async function openApprovalLink(keyring: Keyring, text: string): Promise<ApprovalLink | null> {
  const named = await openLink(keyring, "approval link", text);
  if (named === null) return null;
  const [approvalId = "", ...requester] = named.split(".");
  return { approvalId, requester: requester.join(".") };
}

/** The last path segment of the page for an app's second factor; see {@link signApprovalLink}. */
export function signFactorLink(keyring: Keyring, { grantId, userId }: FactorLink): Promise<string> {
  return signLink(keyring, "factor link", JSON.stringify([grantId, userId]));
}

/** The app that a link of {@link signFactorLink} names, or `null` if none of these keys signed it. */
export async function openFactorLink(keyring: Keyring, text: string): Promise<FactorLink | null> {
  const named = await openLink(keyring, "factor link", text);
  if (named === null) return null;
  const [grantId = "", userId = ""] = JSON.parse(named) as string[];
  return { grantId, userId };
}

async function signLink(keyring: Keyring, purpose: Purpose, named: string): Promise<string> {
  return toLetters(encoder.encode(`${await signText(keyring, purpose, named)}\n${named}`));
}

async function openLink(keyring: Keyring, purpose: Purpose, text: string): Promise<string | null> {
  const [signature = "", named = ""] = readLetters(text)?.split("\n", 2) ?? [];
  return (await verifyText(keyring, purpose, named, signature)) ? named : null;
}

/** Encodes bytes in sixteen letters from `a`, two per byte. */
function toLetters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(97 + (byte >> 4), 97 + (byte & 15))).join("");
}

function readLetters(text: string): string | null {
  if (!/^(?:[a-p]{2}){33,400}$/.test(text)) return null;
  const value = (index: number) => text.charCodeAt(index) - 97;
  const length = text.length / 2;
  const bytes = Uint8Array.from({ length }, (_, index) => value(index * 2) * 16 + value(index * 2 + 1));
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}
