import type { Keyring } from "./keyring.ts";
import { signText, verifyText } from "./sign-text.ts";

/** What a link to an approval names. */
export interface ApprovalLink {
  approvalId: string;
  /** Whose app asks; it says in which person's object the approval lies. */
  requester: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The last part of an approval page's address: a signature, and what it names. It opens nothing by itself, because the
 * page wants a signed-in person; the signature keeps strangers from trying ids. Written in letters only: a link stands
 * in texts in which numbers and keys are searched for and masked.
 */
export async function signApprovalLink(keyring: Keyring, link: ApprovalLink): Promise<string> {
  const named = `${link.approvalId}.${link.requester}`;
  return toLetters(encoder.encode(`${await signText(keyring, "approval link", named)}\n${named}`));
}

/** What a link names, or `null` when none of these keys signed it. */
export async function openApprovalLink(keyring: Keyring, text: string): Promise<ApprovalLink | null> {
  const [signature = "", named = ""] = readLetters(text)?.split("\n", 2) ?? [];
  if (!(await verifyText(keyring, "approval link", named, signature))) return null;
  const [approvalId = "", ...requester] = named.split(".");
  return { approvalId, requester: requester.join(".") };
}

/** Sixteen letters from `a`, two for each byte. */
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
