import type { Keyring } from "./keyring.ts";
import { signText, verifyText } from "./sign-text.ts";

/** Contents of a link to an approval. */
export interface ApprovalLink {
  approvalId: string;
  /** User whose app made the request; their Principal object holds the approval. */
  requester: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The last path segment of an approval page: a signature and the approval it names. The link grants no
 * access, because the page requires a signed-in user; the signature prevents guessing of ids. Encoded in
 * letters only, because texts that contain a link are searched for numbers and keys to mask.
 */
export async function signApprovalLink(keyring: Keyring, link: ApprovalLink): Promise<string> {
  const named = `${link.approvalId}.${link.requester}`;
  return toLetters(encoder.encode(`${await signText(keyring, "approval link", named)}\n${named}`));
}

/** The approval that a link names, or `null` if none of these keys signed it. */
export async function openApprovalLink(keyring: Keyring, text: string): Promise<ApprovalLink | null> {
  const [signature = "", named = ""] = readLetters(text)?.split("\n", 2) ?? [];
  if (!(await verifyText(keyring, "approval link", named, signature))) return null;
  const [approvalId = "", ...requester] = named.split(".");
  return { approvalId, requester: requester.join(".") };
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
