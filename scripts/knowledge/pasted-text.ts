import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { normaliseBody } from "../../workers/knowledge/article-limits.ts";
import { makeSlug } from "../../workers/knowledge/markdown/make-slug.ts";
import { readFrontMatter } from "./front-matter.ts";

/**
 * Lets `use` import pasted text as a file. The title determines its name: pasting again creates a new
 * version.
 */
export async function withPastedText<T>(
  text: string,
  title: string,
  use: (pasted: { folder: string; files: string[] }) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-"));
  try {
    const name = `${makeSlug(title)}.md`;
    // A rule at the top is text; front matter has its own title, or the name of the file.
    const named = text.startsWith("# ") || readFrontMatter(normaliseBody(text)).body !== normaliseBody(text);
    const heading = named ? "" : `# ${title}\n\n`;
    await writeFile(path.join(folder, name), heading + text, { mode: 0o600 });
    return await use({ folder, files: [name] });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
