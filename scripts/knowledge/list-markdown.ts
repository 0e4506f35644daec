import { readdir } from "node:fs/promises";
import path from "node:path";

/** More files than this are not one knowledge base but somebody's disk. */
const MAX_FILES = 50_000;

/**
 * Paths of the Markdown files below a folder, relative to it and with `/`, sorted. Hidden folders and
 * `node_modules` are left out, links are not followed, at most {@link MAX_FILES} are returned.
 */
export async function listMarkdown(folder: string): Promise<string[]> {
  const files: string[] = [];
  const open = [""];
  while (open.length > 0 && files.length < MAX_FILES) {
    const current = open.pop() ?? "";
    for (const entry of await readdir(path.join(folder, current), { withFileTypes: true })) {
      const name = current === "" ? entry.name : `${current}/${entry.name}`;
      if (entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
        open.push(name);
      if (entry.isFile() && /\.(?:md|markdown|mdx)$/i.test(entry.name)) files.push(name);
    }
  }
  return files.sort().slice(0, MAX_FILES);
}
