import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { getDocumentProxy, getMeta } from "unpdf";
import type { ConvertedText } from "./convert-html.ts";
import { joinDivided, listWords } from "./join-lines.ts";

/** Maximum length of a word joined over two lines, in characters. */
const MAX_WORD = 200;

/** Folder of the character maps of Chinese, Japanese and Korean fonts; pdf.js includes them. */
const PDFJS = path.dirname(createRequire(import.meta.url).resolve("pdfjs-dist/package.json"));
const FOLDERS: Readonly<Record<string, string>> = { cMapUrl: "cmaps", standardFontDataUrl: "standard_fonts" };

/** Reads the character maps from the disk: the parser's build for servers would use the network. */
class PackagedData {
  async fetch({ kind, filename }: { kind: string; filename: string }): Promise<Uint8Array> {
    const folder = FOLDERS[kind];
    if (folder === undefined || !/^[\w.-]+$/.test(filename))
      throw new Error(`There is no ${kind} ${filename}.`);
    return new Uint8Array(await readFile(path.join(PDFJS, folder, filename)));
  }
}

const READING = {
  ...{ verbosity: 0, cMapUrl: "cmaps/", cMapPacked: true, useWorkerFetch: false },
  BinaryDataFactory: PackagedData,
};

/** Maximum pages of a document. */
const MAX_PAGES = 500;
/** A line that is larger than the text by this factor is a heading; by the second, an upper one. */
const HEADING = 1.15;
const UPPER_HEADING = 1.5;
const MAX_HEADING_LENGTH = 120;
/** A gap of this many line heights begins a new paragraph. */
const PARAGRAPH_GAP = 1.6;

interface Line {
  /** Distance from the foot of the page, in points. */
  at: number;
  text: string;
  /** Size of its largest letters, in points. */
  size: number;
  /** Space above it, in multiples of its size; infinite at the top of a page. */
  gap: number;
}

/**
 * Converts a PDF to Markdown by the layout of its pages: lines in larger letters become headings, wider gaps
 * paragraphs. Throws for bytes that are no PDF, and for one that is encrypted or contains only images of
 * text.
 */
export async function convertPdf(bytes: Uint8Array): Promise<ConvertedText> {
  // The parser takes ownership of the bytes, and refuses a Buffer.
  const document = await getDocumentProxy(new Uint8Array(bytes), READING);
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
    const named = PLACEHOLDER.test(title)
      ? ""
      : title.replace(/^Microsoft (?:Word|PowerPoint|Excel) - /i, "");
    return { title: named, markdown: layOut(lines, findTextSize(lines)) };
  } finally {
    await document.loadingTask.destroy();
  }
}

/** The text items of all pages, in the sequence of the file and with a space between them. Throws as the parser does. */
export async function readPdfText(bytes: Uint8Array): Promise<{ text: string }> {
  const document = await getDocumentProxy(new Uint8Array(bytes), READING);
  try {
    const texts: string[] = [];
    for (let number = 1; number <= document.numPages; number++) {
      const { items } = await (await document.getPage(number)).getTextContent();
      texts.push(...items.flatMap((item) => ("str" in item ? [item.str] : [])));
    }
    return { text: texts.join(" ") };
  } finally {
    await document.loadingTask.destroy();
  }
}

/** Titles that programs write by default. */
const PLACEHOLDER = /^\(?(?:untitled|unbenannt|sans titre|sin título|document\d*|unspecified|anonymous)\)?$/i;

/**
 * Number of pages after which a repeated line at their edges, except for its number, is a running header or
 * footer.
 */
const REPEATED = 3;
/** Maximum distance of lines of one kind at one edge of the pages, in points. */
const SAME_PLACE = 3;
const NUMBERED = /^(\D{0,24})(\d{1,4})(\D.{0,24})?$/;

/**
 * All lines, without running headers and footers and page numbers: page numbers have a fixed position and
 * count along with the pages. A single number on another line is text.
 */
function dropRunningLines(pages: readonly Line[][]): Line[] {
  const edges = new Map<string, Set<number>>();
  const note = (key: string | undefined, page: number) => {
    if (key !== undefined) edges.set(key, (edges.get(key) ?? new Set()).add(page));
  };
  for (const [page, lines] of pages.entries()) {
    for (const line of new Set([lines.at(0), lines.at(-1)])) {
      if (line === undefined) continue;
      if (!/^\d+$/.test(line.text)) note(line.text, page);
      for (const key of numberKeys(line, page)) note(key, page);
    }
  }
  const runs = (line: Line, page: number) => {
    if ((edges.get(line.text)?.size ?? 0) >= REPEATED) return true;
    const [key = "", near = ""] = numberKeys(line, page);
    const counted = Math.max(edges.get(key)?.size ?? 0, edges.get(near)?.size ?? 0);
    // Two pages suffice only when the number equals the page's own.
    const own = NUMBERED.exec(line.text)?.[2] === String(page + 1);
    return counted >= REPEATED || (own && counted >= 2 && counted === pages.length);
  };
  return pages.flatMap((lines, page) =>
    lines.filter((line, index) => !((index === 0 || index === lines.length - 1) && runs(line, page))),
  );
}

/** Keys of a page number: the words around it, its position, and its offset from the page count. */
function numberKeys({ text, at }: Line, page: number): string[] {
  const match = NUMBERED.exec(text);
  if (!match) return [];
  const [, before = "", number, after = ""] = match;
  const place = Math.floor(at / SAME_PLACE);
  return [place, place + 1].map((near) => `${before}#${after} ${near} ${Number(number) - page}\n`);
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
      lines.push({ text: words, size, gap, at: baseline });
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

/** The most frequent letter size. */
function findTextSize(lines: readonly Line[]): number {
  const letters = new Map<number, number>();
  for (const { size, text } of lines) {
    const rounded = Math.round(size * 2) / 2;
    letters.set(rounded, (letters.get(rounded) ?? 0) + text.length);
  }
  return [...letters].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}

function layOut(lines: readonly Line[], textSize: number): string {
  const words = listWords(lines.map(({ text }) => text));
  let markdown = "";
  let inHeading = false;
  for (const { text, size, gap } of lines) {
    const heading = size >= textSize * HEADING && text.length <= MAX_HEADING_LENGTH && /\p{L}/u.test(text);
    if (heading) {
      markdown += `\n\n${size >= textSize * UPPER_HEADING ? "#" : "##"} ${text}`;
    } else {
      const starts = inHeading || gap > PARAGRAPH_GAP;
      const joined = inHeading ? undefined : joinDivided(markdown.slice(-MAX_WORD), text, words);
      if (joined !== undefined && (gap <= PARAGRAPH_GAP || !Number.isFinite(gap))) {
        markdown = markdown.slice(0, -MAX_WORD) + joined;
      } else {
        markdown += starts ? "\n\n" : "\n";
        markdown += /^[#>|=-]/.test(text) ? `\\${text}` : text;
      }
    }
    inHeading = heading;
  }
  return markdown.trim();
}
