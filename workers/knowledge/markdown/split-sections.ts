import { cutText } from "../../../shared/text/well-formed.ts";
import { type MarkdownLine, scanLines } from "./scan-lines.ts";

/** The part of an article under one heading. */
export interface Section {
  /** 1 to 6; 0 for the text before the first heading. */
  level: number;
  /** The heading without markup; empty at level 0. */
  heading: string;
  /** The lines of the section, its heading line first. */
  lines: MarkdownLine[];
}

/** Longer lines are prose, whatever their first characters. */
const MAX_HEADING_LENGTH = 300;

/** Start of a line that is no setext heading, but a quote, list, table, HTML or code line. */
const NOT_A_PARAGRAPH = /^(?: {4}|\t| {0,3}(?:[>|<]|[-*+][ \t]|\d{1,9}[.)][ \t]))/;

/**
 * Splits Markdown along its ATX and setext headings (CommonMark 0.31, §4.2 and §4.3) of at most `maxLevel`.
 * The concatenated sections equal the input. A line of fenced code or of a comment is never a heading.
 */
export function splitSections(markdown: string, maxLevel = 6): Section[] {
  const lines = scanLines(markdown);
  const sections: Section[] = [{ level: 0, heading: "", lines: [] }];
  lines.forEach((line, index) => {
    const current = sections.at(-1) as Section;
    const atx = line.literal ? undefined : readAtxHeading(line.text);
    if (atx && atx.level <= maxLevel) {
      sections.push({ ...atx, lines: [line] });
      return;
    }
    const setext = readSetextLevel(lines, index);
    const heading = lines[index - 1];
    if (setext !== undefined && setext <= maxLevel && heading && current.lines.at(-1) === heading) {
      current.lines.pop();
      sections.push({ level: setext, heading: stripMarkup(heading.text), lines: [heading, line] });
      return;
    }
    current.lines.push(line);
  });
  return sections.filter((section) => section.lines.length > 0);
}

function readAtxHeading(text: string): { level: number; heading: string } | undefined {
  if (text.length > MAX_HEADING_LENGTH) return undefined;
  const match = /^ {0,3}(#{1,6})(?=\s|$)/.exec(text);
  const marks = match?.[1];
  if (match === null || marks === undefined) return undefined;
  const content = text.slice(match[0].length).trim();
  return { level: marks.length, heading: stripMarkup(content.replace(/(?:^|\s)#+$/, "")) };
}

/**
 * The level of a setext heading whose underline is at `index`: 1 for `===`, 2 for `---`. One-line texts only.
 */
function readSetextLevel(lines: readonly MarkdownLine[], index: number): 1 | 2 | undefined {
  const [before, text, underline] = [lines[index - 2], lines[index - 1], lines[index]];
  if (!text || !underline || text.literal || underline.literal) return undefined;
  if (!/^ {0,3}(?:=+|-+)\s*$/.test(underline.text)) return undefined;
  const standsAlone = before === undefined || before.text.trim() === "" || readAtxHeading(before.text);
  if (!standsAlone || before?.literal) return undefined;
  if (text.text.trim() === "" || text.text.length > MAX_HEADING_LENGTH) return undefined;
  if (NOT_A_PARAGRAPH.test(text.text) || readAtxHeading(text.text)) return undefined;
  if (/^ {0,3}([-*_=])(?:\s*\1)*\s*$/.test(text.text)) return undefined;
  return underline.text.trim().startsWith("=") ? 1 : 2;
}

/**
 * The words of a heading: images and links are replaced with their text; emphasis, code marks and tags are
 * removed.
 */
function stripMarkup(text: string): string {
  return cutText(text, MAX_HEADING_LENGTH)
    .replace(/!?\[([^\][]*)\]\([^()]*\)/g, "$1")
    .replace(/<\/?[a-z][^<>]*>/gi, "")
    .replace(/[*`]+|~~|(?<!\w)_+|_+(?!\w)/g, "")
    .replace(/\\([^\w\s])/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
}
