import { foldText } from "../../../shared/text/fold-text.ts";
import { cutText } from "../../../shared/text/well-formed.ts";
import { anchorMaker } from "./make-slug.ts";
import type { MarkdownLine } from "./scan-lines.ts";
import { type Section, splitSections } from "./split-sections.ts";
import { splitText } from "./split-text.ts";

/** A part of an article with its own search entry and citation. */
export interface Passage {
  /** Depth of the heading above it; 0 before the first one. */
  level: number;
  /** Fragment of that heading; empty before the first one. */
  anchor: string;
  /** The headings from the top down to it, joined with ` › `; without the article's title. */
  heading: string;
  /** Markdown source. */
  body: string;
}

/** Maximum passages of an article; an article with more is split along its upper headings only. */
export const MAX_PASSAGES = 400;
const MAX_PATH_LENGTH = 300;

/**
 * Splits an article along its headings, and long sections between paragraphs. The concatenated bodies equal
 * `markdown`. At most {@link MAX_PASSAGES} for any article within the size limit.
 */
export function cutPassages(title: string, markdown: string): Passage[] {
  let passages: Passage[] = [];
  for (let level = 6; level >= 0; level--) {
    passages = cutSections(title, splitSections(markdown, level));
    if (passages.length <= MAX_PASSAGES) break;
  }
  return passages;
}

function cutSections(title: string, sections: readonly Section[]): Passage[] {
  const makeAnchor = anchorMaker();
  const passages: Passage[] = [];
  const path: { level: number; heading: string }[] = [];
  let carried: MarkdownLine[] = [];
  for (const section of sections) {
    const anchor = section.level === 0 ? "" : makeAnchor(section.heading);
    if (section.level > 0) {
      while ((path.at(-1)?.level ?? 0) >= section.level) path.pop();
      path.push(section);
    }
    for (const line of section.lines) carried.push(line);
    // A heading without text is too short for a passage: it joins the section that follows.
    if (isBare(section)) continue;
    const heading = joinPath(title, path);
    for (const body of splitText(carried)) passages.push({ level: section.level, anchor, heading, body });
    carried = [];
  }
  return appendRest(passages, carried);
}

function isBare(section: Section): boolean {
  const below = section.level === 0 ? section.lines : section.lines.slice(1);
  return below.every((line) => /^[\s=-]*$/.test(line.text));
}

function joinPath(title: string, path: readonly { heading: string }[]): string {
  const same = (heading: string) => foldText(heading) === foldText(title.trim());
  const headings = path.map((entry) => entry.heading).filter((heading) => heading !== "" && !same(heading));
  return cutText(headings.join(" › "), MAX_PATH_LENGTH);
}

function appendRest(passages: Passage[], rest: readonly MarkdownLine[]): Passage[] {
  if (rest.length === 0) return passages;
  const body = rest.map((line) => line.text).join("");
  const last = passages.pop() ?? { level: 0, anchor: "", heading: "", body: "" };
  return [...passages, { ...last, body: last.body + body }];
}
