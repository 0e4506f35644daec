/** What a link to an approval names. */
export interface ApprovalLink {
  approvalId: string;
  /** Whose app asks; it says in which person's object the approval lies. */
  requester: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const keys = new Map<string, Promise<CryptoKey>>();

/**
 * The last part of an approval page's address: what it names, and an HMAC-SHA-256 over that (RFC 2104). It opens
 * nothing by itself, because the page wants a signed-in person; the signature keeps strangers from trying ids.
 * Written in letters only: a link stands in texts in which numbers and keys are searched for and masked.
 */
export async function signApprovalLink(secret: string, link: ApprovalLink): Promise<string> {
  const payload = encoder.encode(`${link.approvalId}.${link.requester}`);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", await importKey(secret), toMessage(payload)));
  return toLetters(new Uint8Array([...mac, ...payload]));
}

/** What a link names, or `null` when it was not signed with this secret. Compares in constant time. */
export async function openApprovalLink(secret: string, text: string): Promise<ApprovalLink | null> {
  if (!/^(?:[a-p]{2}){33,400}$/.test(text)) return null;
  const bytes = fromLetters(text);
  const [mac, payload] = [bytes.slice(0, 32), bytes.slice(32)];
  if (!(await crypto.subtle.verify("HMAC", await importKey(secret), mac, toMessage(payload)))) return null;
  const [approvalId = "", ...requester] = decoder.decode(payload).split(".");
  return { approvalId, requester: requester.join(".") };
}

/** Says what it is for, so that no other text signed with the same secret can pass for a link. */
function toMessage(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...encoder.encode("gatehouse approval link\n"), ...payload]);
}

function importKey(secret: string): Promise<CryptoKey> {
  let key = keys.get(secret);
  if (!key) {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    key = crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign", "verify"]);
    keys.set(secret, key);
  }
  return key;
}

/** Sixteen letters from `a`, two for each byte. */
function toLetters(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(97 + (byte >> 4), 97 + (byte & 15))).join("");
}

function fromLetters(text: string): Uint8Array<ArrayBuffer> {
  const value = (index: number) => text.charCodeAt(index) - 97;
  return Uint8Array.from(
    { length: text.length / 2 },
    (_, index) => value(index * 2) * 16 + value(index * 2 + 1),
  );
}
