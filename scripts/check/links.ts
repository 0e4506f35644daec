import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "../local/root.ts";
import type { Check } from "./definition.ts";

/** Names of source files in a page's text: a path from the project's root, without placeholders. */
const NAMED_FILE =
  /`((?:workers|shared|scripts|test|migrations|docs)\/[\w./-]+\.(?:tsx?|json|ya?ml|sql|md|toml))`/g;

/** History names files that are gone. */
const HISTORY = "CHANGELOG.md";

/** Every link between the pages of the project leads to a file and a heading that exist. */
export const links: Check = {
  name: "links",
  ensures: "links between the pages, and the files that they name, exist",
  async run() {
    const files = [
      ...(await listPages(".")),
      ...(await listPages("docs")),
      ...(await listPages("docs/figures")),
    ];
    const pages = new Map<string, string>();
    for (const file of files) pages.set(file, await readFile(path.join(ROOT, file), "utf8"));
    return {
      summary: `${pages.size} pages`,
      findings: findBrokenLinks(pages, (file) => existsSync(path.join(ROOT, file))),
    };
  },
};

/**
 * Names each relative link of Markdown pages whose file or heading is missing, and each source file that a page names in
 * backticks and that is gone.
 *
 * @param pages - text by path, relative to the project
 * @param exists - whether a path of the project exists, for links to what is no page
 */
export function findBrokenLinks(
  pages: ReadonlyMap<string, string>,
  exists: (file: string) => boolean,
): string[] {
  const findings: string[] = [];
  for (const [page, text] of pages) {
    for (const [index, line] of withoutCode(text).split("\n").entries()) {
      for (const [, file = ""] of page === HISTORY ? [] : line.matchAll(NAMED_FILE)) {
        if (!exists(file)) findings.push(`${page}:${index + 1} names ${file}, which does not exist.`);
      }
      for (const [, target = ""] of line.matchAll(/\]\(([^()\s]+)\)/g)) {
        if (/^[a-z]+:/i.test(target)) continue;
        const [file = "", heading] = target.split("#");
        const found = file === "" ? page : path.posix.join(path.posix.dirname(page), file);
        const linked = pages.get(found);
        if (linked === undefined && !exists(found)) {
          findings.push(`${page}:${index + 1} links to ${target}, which does not exist.`);
        } else if (linked !== undefined && heading !== undefined && !listHeadings(linked).has(heading)) {
          findings.push(`${page}:${index + 1} links to ${target}, a heading that ${found} does not have.`);
        }
      }
    }
  }
  return findings;
}

async function listPages(folder: string): Promise<string[]> {
  const names = await readdir(path.join(ROOT, folder));
  return names.filter((name) => name.endsWith(".md")).map((name) => path.posix.join(folder, name));
}

/** The text with every line of a fenced code block emptied, so that line numbers stay. */
function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, (block) => block.replace(/[^\n]/g, ""));
}

/** Anchors of a page's headings, in GitHub's spelling: lower case, no punctuation, hyphens for spaces. */
function listHeadings(text: string): ReadonlySet<string> {
  const headings = withoutCode(text).matchAll(/^#{1,6} (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replace(/\s/g, "-"),
    ),
  );
}
