/** MIME type of a picture or recording. */
export type MediaType =
  | "image/png"
  | "image/jpeg"
  | "image/gif"
  | "image/webp"
  | "audio/mpeg"
  | "audio/wav"
  | "audio/ogg"
  | "audio/flac"
  | "audio/mp4";

/** The accepted types, for messages. */
export const MEDIA_TYPES_IN_WORDS =
  "PNG, JPEG, GIF or WebP pictures, or MP3, WAV, Ogg, FLAC or M4A recordings";

/**
 * Detects the type of bytes by their first ones (WHATWG MIME Sniffing §6, and RFC 9639 for FLAC); `undefined`
 * for types that are not accepted. Ignores the type that a client declares. SVG is excluded because it can
 * contain scripts.
 */
export function sniffType(bytes: Uint8Array): MediaType | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (text(0, 8) === "\x89PNG\r\n\x1a\n") return "image/png";
  if (text(0, 3) === "\xff\xd8\xff") return "image/jpeg";
  if (/^GIF8[79]a$/.test(text(0, 6))) return "image/gif";
  if (text(0, 4) === "RIFF" && text(8, 14) === "WEBPVP") return "image/webp";
  if (text(0, 4) === "RIFF" && text(8, 12) === "WAVE") return "audio/wav";
  if (text(0, 4) === "OggS") return "audio/ogg";
  if (text(0, 4) === "fLaC") return "audio/flac";
  if (text(4, 8) === "ftyp" && /^M4A |^M4B /.test(text(8, 12))) return "audio/mp4";
  if (text(0, 3) === "ID3" || beginsMp3Frame(bytes)) return "audio/mpeg";
  return undefined;
}

/**
 * Frame sync, MPEG layer III, and neither a forbidden bit rate nor a forbidden sampling rate (ISO 11172-3
 * §2.4.2.3).
 */
function beginsMp3Frame([first = 0, second = 0, third = 0]: Uint8Array): boolean {
  const layer3 = first === 0xff && (second & 0xe6) === 0xe2 && (second & 0x18) !== 0x08;
  return layer3 && third >> 4 !== 0xf && third >> 4 !== 0 && (third & 0x0c) !== 0x0c;
}
