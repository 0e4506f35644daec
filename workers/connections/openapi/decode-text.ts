import { RefusedRequest } from "../connector.ts";
import type { HttpRequest } from "./operation.ts";

const MARKS: readonly (readonly [string, readonly number[]])[] = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];

/**
 * A text in the encoding that its first bytes or its media type name, UTF-8 otherwise. `null` if the bytes are no text
 * in it: what is read wrongly cannot be masked.
 */
export function decodeText(bytes: Uint8Array, media: string): string | null {
  const [marked] = MARKS.find(([, mark]) => mark.every((byte, at) => bytes[at] === byte)) ?? [];
  const [, named] = /;\s*charset\s*=\s*"?([\w.:-]{1,40})/i.exec(media) ?? [];
  try {
    const text = new TextDecoder(marked ?? named ?? "utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
    // UTF-16 that does not say so reads as UTF-8 with such characters between.
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}

/** Whether the caller may have an answer with these contents: what is hidden from a role is looked for in texts alone. */
export function mayHave(
  owner: HttpRequest["owner"],
  isMaskable: boolean,
): owner is NonNullable<typeof owner> {
  return owner !== null && (isMaskable || !owner.masks.includes("pii"));
}

/** The refusal of an answer that {@link mayHave} does not allow. */
export function refuseHidden(title: string): RefusedRequest {
  return new RefusedRequest({
    code: "forbidden",
    message: `${title} answers with a file, in which what is hidden from this role cannot be hidden.`,
  });
}
