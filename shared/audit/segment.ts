import { fromBase64, toBase64Url } from "../encoding/base64.ts";
import { digestText } from "../encoding/canonical-json.ts";
import type { Link } from "./chain.ts";
import type { AuditRecord } from "./record.ts";

/** Folder of the segments in their bucket. */
const FOLDER = "segments/";

/** A record in a segment. Chain, sequence, time and type are in `body`. */
export interface StoredLine {
  body: string;
  hash: string;
  /** The part whose key opens `sealed`. */
  part: number;
  /** Salt and event, encrypted; `null` for an event that was removed before. */
  sealed: string | null;
}

/** A segment as it is written: its name among all, and its bytes. */
export interface Segment {
  /** SHA-256 of its text, 64 hex digits. */
  digest: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** The name of a segment's object. */
export function segmentKey(digest: string): string {
  return `${FOLDER}${digest}`;
}

/** A new key of a part: 256 random bits, base64url. */
export function createSecret(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}

/** Opens the key of a part (AES-256-GCM). */
export async function importSecret(secret: string): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", fromBase64(secret), "AES-GCM", false, ["encrypt", "decrypt"]);
}

/**
 * Encrypts the event of a record. The nonce is of the record's hash: one key encrypts a record once, and again only as the
 * same bytes, so that the same records make the same segment.
 */
export async function sealEvent(key: CryptoKey, { hash, salt, event }: Link): Promise<string | null> {
  if (salt === null || event === null) return null;
  const text = new TextEncoder().encode(JSON.stringify([salt, event]));
  return toBase64Url(await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonceOf(hash) }, key, text));
}

/**
 * The record of a line. Without the key, because it was removed, the record has no event. Where key and text do not fit,
 * it has an event that it does not commit to, and the verifier says so.
 */
export async function openLine(line: StoredLine, key: CryptoKey | null): Promise<Link> {
  const { chain, sequence, type } = JSON.parse(line.body) as AuditRecord;
  const link = { chain, sequence, body: line.body, hash: line.hash };
  if (line.sealed === null || key === null) return { ...link, salt: null, event: null };
  try {
    const name = { name: "AES-GCM", iv: nonceOf(line.hash) };
    const opened = await crypto.subtle.decrypt(name, key, fromBase64(line.sealed));
    const [salt, event] = JSON.parse(new TextDecoder().decode(opened)) as [string, string];
    return { ...link, salt, event };
  } catch {
    return { ...link, salt: "", event: JSON.stringify({ type, unreadable: true }) };
  }
}

/** 96 bits of a record's hash. */
function nonceOf(hash: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hash.slice(0, 24).match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

/** Writes a segment: JSON lines, compressed (RFC 1952). */
export async function encodeSegment(lines: readonly StoredLine[]): Promise<Segment> {
  const text = lines
    .map(({ body, hash, part, sealed }) => `${JSON.stringify({ body, hash, part, sealed })}\n`)
    .join("");
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return { digest: digestText(text), bytes: new Uint8Array(await new Response(stream).arrayBuffer()) };
}

/** Reads a segment. Throws when it is none. Whether its records are whole is for the verifier to say. */
export async function decodeSegment(bytes: Uint8Array<ArrayBuffer>): Promise<StoredLine[]> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(stream).text();
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as StoredLine);
}
