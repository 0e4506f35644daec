import { Buffer } from "node:buffer";

/** Base64 with padding (RFC 4648 §4). A text stands for its UTF-8 bytes. */
export function toBase64(data: string | Uint8Array | ArrayBuffer): string {
  return bufferOf(data).toString("base64");
}

/** Base64 for URLs, headers and file names, without padding (RFC 4648 §5). A text stands for its UTF-8 bytes. */
export function toBase64Url(data: string | Uint8Array | ArrayBuffer): string {
  return bufferOf(data).toString("base64url");
}

/**
 * The bytes of a text in either alphabet, with or without padding. Characters of neither are passed over, so a caller
 * that must refuse them looks at the text first.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** The UTF-8 text of {@link fromBase64}. Malformed UTF-8 reads as U+FFFD. */
export function textFromBase64(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}

/** Without a copy of the bytes. */
function bufferOf(data: string | Uint8Array | ArrayBuffer): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  return data instanceof ArrayBuffer
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
