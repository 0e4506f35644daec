/** Decoded text of a file, and its encoding if it is not UTF-8. */
export interface DecodedText {
  text: string;
  encoding: string;
}

/** Encoding declaration of a page (HTML, «prescan a byte stream»). */
const META_CHARSET = /<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w:-]{2,40})/i;
const PRESCANNED = 1_024;

/**
 * Decodes UTF-8, UTF-16 with or without a byte order mark, the encoding of a page's `meta`, and windows-1252.
 * `undefined` for bytes that are no text.
 */
export function decodeText(bytes: Uint8Array, isPage = false): DecodedText | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decode("utf-16le", bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decode("utf-16be", bytes);
  const wide = guessUtf16(bytes);
  if (wide !== undefined) return decode(wide, bytes);
  const plain = decode("utf-8", bytes);
  if (plain) return plain;
  const named = isPage ? META_CHARSET.exec(decodeLatin(bytes.subarray(0, PRESCANNED)))?.[1] : undefined;
  const label = named === undefined || /^utf-?(?:8|16)/i.test(named) ? undefined : named;
  if (label !== undefined) {
    const found = decode(label, bytes);
    if (found) return found;
  }
  // Text contains neither zeros nor the five bytes without a letter in windows-1252.
  const isText = bytes.every((byte) => byte !== 0 && ![0x81, 0x8d, 0x8f, 0x90, 0x9d].includes(byte));
  return isText ? { text: decodeLatin(bytes), encoding: "windows-1252" } : undefined;
}

/** In UTF-16 of Latin letters every second byte is zero. */
function guessUtf16(bytes: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  const some = bytes.subarray(0, PRESCANNED);
  const zeros = [0, 0];
  for (const [index, byte] of some.entries()) if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  const many = some.length / 4;
  if (odd > many && even < odd / 8) return "utf-16le";
  return even > many && odd < even / 8 ? "utf-16be" : undefined;
}

function decode(encoding: string, bytes: Uint8Array): DecodedText | undefined {
  try {
    return {
      text: new TextDecoder(encoding, { fatal: true, ignoreBOM: false }).decode(bytes),
      encoding: encoding.toLowerCase(),
    };
  } catch {
    return undefined;
  }
}

function decodeLatin(bytes: Uint8Array): string {
  return new TextDecoder("windows-1252").decode(bytes);
}
