import { readdir } from "node:fs/promises";
import path from "node:path";

/** Maximum files of a knowledge base; more suggests a wrong folder. */
const MAX_FILES = 50_000;

/** Files that can become an article, by extension. */
const DOCUMENTS = /\.(?:md|markdown|mdx|txt|html?|pdf)$/i;
/** Pictures and recordings, by extension. Their bytes decide the type. */
const MEDIA = /\.(?:png|jpe?g|gif|webp|mp3|wav|ogg|flac|m4a)$/i;

/** Whether a file can become an article. */
export function isDocument(name: string): boolean {
  return DOCUMENTS.test(name);
}

/** Whether a file can be stored as a picture or recording. */
export function isMedia(name: string): boolean {
  return MEDIA.test(name);
}

/** The documents of a folder, and the number of other files by extension. */
export interface FoundFiles {
  documents: string[];
  others: Map<string, number>;
}

/**
 * Paths of the files below a folder that can become articles, relative to it and with `/`, sorted. Omits
 * hidden files and folders and `node_modules`, does not follow links, and returns at most {@link MAX_FILES}.
 * Pictures and recordings do not count as other files: documents include them.
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
