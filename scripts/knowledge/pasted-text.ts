import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { makeSlug } from "../../workers/knowledge/markdown/make-slug.ts";

/** Lets `use` import pasted text as if it were a file. Its name comes from the title: pasted again, it is a new version. */
export async function withPastedText<T>(
  text: string,
  title: string,
  use: (pasted: { folder: string; files: string[] }) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-"));
  try {
    const name = `${makeSlug(title)}.md`;
    const heading = /^---\n|^# /.test(text) ? "" : `# ${title}\n\n`;
    await writeFile(path.join(folder, name), heading + text, { mode: 0o600 });
    return await use({ folder, files: [name] });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
