import { readHost } from "./read-domain.ts";

/** The value of a cell or field, or the problem that makes it unusable. */
export type Reading = { value: string } | { problem: string };

const EXAMPLE = "Expected an e-mail address such as ann@acme.example.";
const MAX_LENGTH = 254;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * Normalises an e-mail address for storage: lower case, without `mailto:`, angle brackets and the name before
 * them, invisible characters or a final dot. An internationalised domain is stored in Unicode, in whichever
 * form it was written.
 */
export function readEmail(text: string): Reading {
  const plain = text.normalize("NFKC").replace(INVISIBLE, "").trim();
  const bracketed = plain.match(/<[^<>]*>/g) ?? [];
  if (bracketed.length > 1 || (plain.match(/@/g) ?? []).length > 1) {
    return { problem: "Several e-mail addresses: give one." };
  }
  const [only] = bracketed;
  const address = (only?.slice(1, -1) ?? plain)
    .trim()
    .replace(/^mailto:\s*([^?]*).*$/i, "$1")
    .replace(/\.+$/, "")
    .toLowerCase();
  const [local = "", host = "", ...more] = address.split("@");
  if (more.length > 0 || !/^[^\s@<>",;:()[\]\\.]+(\.[^\s@<>",;:()[\]\\.]+)*$/.test(local))
    return { problem: EXAMPLE };
  const domain = readHost(host);
  if (domain === undefined || local.length + domain.length >= MAX_LENGTH) return { problem: EXAMPLE };
  return { value: `${local}@${domain}` };
}

/** The address without a +tag; identifies two entries of one person. */
export function keyOfEmail(email: string): string {
  const read = readEmail(email);
  return ("value" in read ? read.value : email.toLowerCase()).replace(/^([^+@]+)\+[^@]*@/, "$1@");
}
