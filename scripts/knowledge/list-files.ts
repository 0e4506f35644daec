import { readdir } from "node:fs/promises";
import path from "node:path";

/** More files than this are not one knowledge base but somebody's disk. */
const MAX_FILES = 50_000;

/** What can become an article, by the end of its name. */
const DOCUMENTS = /\.(?:md|markdown|mdx|txt|html?|pdf)$/i;
/** Pictures and recordings. What they really are, their bytes tell. */
const MEDIA = /\.(?:png|jpe?g|gif|webp|mp3|wav|ogg|flac|m4a)$/i;

/** Whether a file can become an article. */
export function isDocument(name: string): boolean {
  return DOCUMENTS.test(name);
}

/** Whether a file can be kept as a picture or recording. */
export function isMedia(name: string): boolean {
  return MEDIA.test(name);
}

/** The documents of a folder, and how many other files there are, by the ends of their names. */
export interface FoundFiles {
  documents: string[];
  others: Map<string, number>;
}

/**
 * Paths of the files below a folder that can become articles, relative to it and with `/`, sorted. Hidden files, folders
 * and `node_modules` are left out, links are not followed, at most {@link MAX_FILES} are returned. Pictures and
 * recordings are no other files: documents show them.
 */
export async function listFiles(folder: string): Promise<FoundFiles> {
  const files: string[] = [];
  const others = new Map<string, number>();
  const open = [""];
  while (open.length > 0 && files.length < MAX_FILES) {
    const current = open.pop() ?? "";
    for (const entry of await readdir(path.join(folder, current), { withFileTypes: true })) {
      const name = current === "" ? entry.name : `${current}/${entry.name}`;
      if (entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
        open.push(name);
      if (!entry.isFile() || entry.name.startsWith(".")) continue;
      if (isDocument(entry.name)) files.push(name);
      else if (!isMedia(entry.name)) {
        const kind = path.extname(entry.name).toLowerCase() || entry.name;
        others.set(kind, (others.get(kind) ?? 0) + 1);
      }
    }
  }
  return { documents: files.sort().slice(0, MAX_FILES), others };
}
