import { getDocumentProxy, getMeta } from "unpdf";
import type { ConvertedText } from "./convert-html.ts";

/** Longest document that is read, in pages. */
const MAX_PAGES = 500;
/** A line this much larger than the text is a heading; this much larger, an upper one. */
const HEADING = 1.15;
const UPPER_HEADING = 1.5;
const MAX_HEADING_LENGTH = 120;
/** A gap of this many line heights begins a new paragraph. */
const PARAGRAPH_GAP = 1.6;

interface Line {
  text: string;
  /** Size of its largest letters, in points. */
  size: number;
  /** Space above it, in multiples of its size; infinite at the top of a page. */
  gap: number;
}

/**
 * Turns a PDF into Markdown by what its pages show: lines in larger letters become headings, wider gaps paragraphs.
 * Throws for what is no PDF, is encrypted, or has only pictures of text.
 */
export async function convertPdf(bytes: Uint8Array): Promise<ConvertedText> {
  // The parser takes the bytes for itself, and refuses a Buffer.
  const document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
  try {
    if (document.numPages > MAX_PAGES) throw new Error(`it has more than ${MAX_PAGES} pages`);
    const pages: Line[][] = [];
    for (let number = 1; number <= document.numPages; number++) {
      const { items } = await (await document.getPage(number)).getTextContent();
      pages.push(readLines(items.flatMap((item) => ("str" in item ? [item] : []))));
    }
    const lines = dropRunningLines(pages);
    if (lines.length === 0) throw new Error("it holds no text, perhaps only pictures of it");
    const { info } = await getMeta(document);
    const title = typeof info?.Title === "string" ? info.Title.trim() : "";
    return { title, markdown: layOut(lines, findTextSize(lines)) };
  } finally {
    await document.loadingTask.destroy();
  }
}

/** What stands at the top or bottom of this many pages is no text but the book's furniture. */
const REPEATED = 3;

/** All lines, without page numbers and without what is repeated at the edges of pages. */
function dropRunningLines(pages: readonly Line[][]): Line[] {
  const edges = new Map<string, number>();
  for (const page of pages) {
    for (const text of new Set([page.at(0)?.text, page.at(-1)?.text])) {
      if (text !== undefined) edges.set(text, (edges.get(text) ?? 0) + 1);
    }
  }
  const runs = ({ text }: Line) => /^\d{1,4}$/.test(text) || (edges.get(text) ?? 0) >= REPEATED;
  return pages.flatMap((page) =>
    page.filter((line, index) => !((index < 2 || index > page.length - 3) && runs(line))),
  );
}

interface TextItem {
  str: string;
  hasEOL: boolean;
  height: number;
  transform: number[];
}

function readLines(items: readonly TextItem[]): Line[] {
  const lines: Line[] = [];
  let text = "";
  let size = 0;
  let above: number | undefined;
  let baseline = 0;
  const end = () => {
    const words = text.replace(/\s+/g, " ").trim();
    if (words !== "") {
      const gap =
        above === undefined || size === 0 ? Number.POSITIVE_INFINITY : Math.abs(above - baseline) / size;
      lines.push({ text: words, size, gap });
      above = baseline;
    }
    text = "";
    size = 0;
  };
  for (const { str, hasEOL, height, transform } of items) {
    const at = transform[5] ?? 0;
    if (text !== "" && Math.abs(at - baseline) > Math.max(size, height) / 2) end();
    if (str.trim() !== "") {
      size = Math.max(size, height);
      baseline = at;
    }
    text += str;
    if (hasEOL) end();
  }
  end();
  return lines;
}

/** The size that most letters have. */
function findTextSize(lines: readonly Line[]): number {
  const letters = new Map<number, number>();
  for (const { size, text } of lines) {
    const rounded = Math.round(size * 2) / 2;
    letters.set(rounded, (letters.get(rounded) ?? 0) + text.length);
  }
  return [...letters].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}

function layOut(lines: readonly Line[], textSize: number): string {
  let markdown = "";
  let inHeading = false;
  for (const { text, size, gap } of lines) {
    const heading = size >= textSize * HEADING && text.length <= MAX_HEADING_LENGTH && /\p{L}/u.test(text);
    if (heading) {
      markdown += `\n\n${size >= textSize * UPPER_HEADING ? "#" : "##"} ${text}`;
    } else {
      // A word that was divided at the end of a line is whole again.
      const divided = /\p{Ll}-$/u.test(markdown) && /^\p{Ll}/u.test(text);
      if (inHeading || gap > PARAGRAPH_GAP) markdown += "\n\n";
      else if (divided) markdown = markdown.slice(0, -1);
      else markdown += "\n";
      markdown += /^[#>|=-]/.test(text) ? `\\${text}` : text;
    }
    inHeading = heading;
  }
  return markdown.trim();
}
