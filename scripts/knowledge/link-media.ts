import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { MAX_TITLE_LENGTH } from "../../workers/knowledge/article-limits.ts";
import { inspectMedia, MAX_MEDIA_BYTES } from "../../workers/knowledge/media/keep-media.ts";
import type { ImportDestination } from "./destination.ts";
import { isMedia } from "./list-files.ts";

/** Destination of pictures and recordings of an imported folder. */
export interface MediaTarget {
  destination: Pick<ImportDestination, "keepMedia">;
  folder: string;
  /** Called for every file that is missing or refused. */
  onSkip(path: string, reason: string): void;
}

/** Links and pictures in Markdown: opening, label, address, title. */
const LINK = /(!?\[([^\]\n]*)\]\()<?([^()\s<>]+)>?((?:\s+"[^"\n]*")?\))/g;

/**
 * Stores the pictures and recordings that a text of the folder links to, and redirects the links to them.
 * Reads only files inside of the folder; other addresses stay unchanged.
 */
export async function linkMedia(file: string, markdown: string, target: MediaTarget): Promise<string> {
  if (target.destination.keepMedia === undefined) return markdown;
  const addresses = new Map<string, string>();
  for (const [, , label = "", address = ""] of markdown.matchAll(LINK)) {
    if (addresses.has(address) || /^[a-z][a-z0-9+.-]*:|^[/#]/i.test(address)) continue;
    const kept = isMedia(address)
      ? await keepFile(path.posix.dirname(file), address, label, target)
      : undefined;
    if (kept !== undefined) addresses.set(address, kept);
  }
  if (addresses.size === 0) return markdown;
  return markdown.replace(LINK, (whole, before: string, _label: string, address: string, after: string) => {
    const kept = addresses.get(address);
    return kept === undefined ? whole : `${before}${kept}${after}`;
  });
}

async function keepFile(
  base: string,
  address: string,
  label: string,
  target: MediaTarget,
): Promise<string | undefined> {
  const relative = path.posix.normalize(`${base}/${decode(address)}`);
  if (relative.startsWith("../")) return undefined;
  const read = await readMediaFile(path.join(target.folder, relative));
  if ("refused" in read) {
    target.onSkip(relative, read.refused);
    return undefined;
  }
  const name = path.posix.basename(relative).replace(/\.[^.]+$/, "");
  const title = label.replace(/\s+/g, " ").trim().slice(0, MAX_TITLE_LENGTH).toWellFormed() || name;
  const kept = await target.destination.keepMedia?.({ title, bytes: read.bytes });
  if (kept !== undefined && "refused" in kept) target.onSkip(relative, kept.refused);
  return kept !== undefined && "url" in kept ? kept.url : undefined;
}

/** The bytes of a picture or recording, or one sentence on why they are refused. */
export async function readMediaFile(location: string): Promise<{ bytes: Uint8Array } | { refused: string }> {
  const found = await stat(location).catch(() => undefined);
  if (!found?.isFile()) return { refused: "there is no such file" };
  if (found.size > MAX_MEDIA_BYTES)
    return { refused: `too large: ${found.size} bytes, at most ${MAX_MEDIA_BYTES}` };
  const bytes = new Uint8Array(await readFile(location));
  const inspected = inspectMedia(bytes);
  return "refused" in inspected ? inspected : { bytes };
}

function decode(address: string): string {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}
