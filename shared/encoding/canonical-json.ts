import { hash } from "node:crypto";

/**
 * The JSON Canonicalization Scheme (RFC 8785): no white space, object members sorted by the UTF-16 code units
 * of their names, numbers and strings as ECMAScript serializes them. Equal values give equal text. Members
 * that are `undefined` are left out, as in JSON. One difference: the RFC refuses lone surrogates; here they
 * are escaped, because what a client sends must be recorded whatever it is.
 */
export function canonicalize(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalize(item ?? null)).join(",")}]`;
  const members = value as Readonly<Record<string, unknown>>;
  let text = "";
  for (const name of Object.keys(members).sort()) {
    const member = members[name];
    if (member === undefined) continue;
    text += `${text === "" ? "" : ","}${JSON.stringify(name)}:${canonicalize(member)}`;
  }
  return `{${text}}`;
}

/**
 * SHA-256 of the UTF-8 bytes of a text: 64 lower-case hex digits. Synchronous, so that a chain cannot fork.
 */
export function digestText(text: string): string {
  // In one go: an object that takes data piece by piece is a stream, and costs more than the hashing.
  return hash("sha256", text, "hex");
}

/** SHA-256 of bytes: 64 lower-case hex digits. */
export function digestBytes(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}
