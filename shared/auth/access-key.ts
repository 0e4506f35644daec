import { KEY_PATTERN, KEY_PREFIX } from "../call/key-pattern.ts";
import { digestText } from "../encoding/canonical-json.ts";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Characters of 256 bits in base 62. */
const SECRET_LENGTH = 43;
/** Characters of a CRC-32 in base 62. */
const CHECKSUM_LENGTH = 6;
/** Characters of the secret that are stored in plain text, by which people tell keys apart. */
const HINT_LENGTH = 4;

const SHAPE = new RegExp(`^${KEY_PATTERN}$`);
const KEY_ID = /^key_[0-9a-f]{24}$/;

/** A new secret of a key, and what is stored of it. */
export interface NewSecret {
  /** The whole key. Shown once, stored nowhere. */
  text: string;
  /**
   * SHA-256 of the key, hexadecimal. A slow hash or a salt would add nothing: both protect secrets that can be guessed,
   * and these are 256 random bits. A fast one can be checked at every request.
   */
  digest: string;
  /** The first characters of the secret; the rest has 232 bits. */
  hint: string;
}

/** Creates the text of a key: the prefix, 256 random bits in base 62, and a checksum. */
export function createSecret(): NewSecret {
  const secret = toBase62(randomHex(32), SECRET_LENGTH);
  const text = `${KEY_PREFIX}${secret}${checksumOf(secret)}`;
  return { text, digest: digestText(text), hint: secret.slice(0, HINT_LENGTH) };
}

/** The opaque id of a key. It is no secret: it names the key in pages, commands and the trail. */
export function createKeyId(): string {
  return `key_${randomHex(12)}`;
}

/** Whether a text is the id of a key, and not that of an OAuth client or grant. */
export function isKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

/** Whether a bearer token claims to be a key. Tokens of the OAuth library have other forms. */
export function looksLikeKey(token: string): boolean {
  return token.startsWith(KEY_PREFIX);
}

/** Whether a text has the form of a key and its checksum fits: a mistyped key costs no read of the database. */
export function isWellFormedKey(token: string): boolean {
  if (!SHAPE.test(token)) return false;
  const rest = token.slice(KEY_PREFIX.length);
  return checksumOf(rest.slice(0, SECRET_LENGTH)) === rest.slice(SECRET_LENGTH);
}

function checksumOf(secret: string): string {
  return toBase62(crc32(secret).toString(16), CHECKSUM_LENGTH);
}

function toBase62(hex: string, length: number): string {
  let value = BigInt(`0x${hex}`);
  let text = "";
  for (; value > 0n; value /= 62n) text = DIGITS.charAt(Number(value % 62n)) + text;
  return text.padStart(length, "0");
}

function randomHex(bytes: number): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** CRC-32 of ISO 3309 (as in zip and PNG) over ASCII characters. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let at = 0; at < text.length; at++) {
    crc ^= text.charCodeAt(at);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
