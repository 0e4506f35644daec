/** Kind of an id; its prefix makes an id readable and prevents using a deal's id as a contact's. */
export type IdKind = "con" | "cmp" | "deal" | "act" | "task" | "own" | "chg" | "plan" | "exp";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** Makes a new opaque id: the prefix and 20 random characters (100 bits). */
export function makeId(kind: IdKind): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  return `${kind}_${Array.from(bytes, (byte) => ALPHABET[byte % 32]).join("")}`;
}

/** Whether a text has the shape of an id of this kind. */
export function isId(kind: IdKind, text: string): boolean {
  return text.startsWith(`${kind}_`) && /^[a-z]+_[a-z0-9]{1,40}$/.test(text);
}
