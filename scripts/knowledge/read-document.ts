import {
  dropControls,
  MAX_BODY_BYTES,
  MAX_TAG_LENGTH,
  MAX_TAGS,
  normaliseBody,
  refuseBody,
} from "../../workers/knowledge/article-limits.ts";
import type { ImportedDocument } from "../../workers/knowledge/ingest.ts";
import { cleanLine, nameDocument } from "../../workers/knowledge/markdown/name-document.ts";
import type { Metadata } from "../../workers/knowledge/store/rows.ts";
import { decodeText } from "./decode-text.ts";
import { type FrontMatter, readFrontMatter } from "./front-matter.ts";

/** A file as an article with notes on its conversion, or one sentence on why it is none. */
export type ReadDocument = { document: ImportedDocument; notes: string[] } | { skipped: string };

/** Maximum bytes of front matter in addition to the text. */
const FRONT_MATTER_BYTES = 16 * 1024;
/** Larger text files are not read; a page or a PDF contains much more than its text. */
const MAX_TEXT_FILE_BYTES = MAX_BODY_BYTES + FRONT_MATTER_BYTES;
const MAX_RICH_FILE_BYTES = 32 * 1024 * 1024;

/** Maximum bytes of a file to read, by its name. */
export function limitBytes(path: string): number {
  return /\.(?:html?|pdf)$/i.test(path) ? MAX_RICH_FILE_BYTES : MAX_TEXT_FILE_BYTES;
}

/**
 * Converts the bytes of a file to a document: Markdown and plain text unchanged, HTML and PDF converted.
 * Removes and counts control characters. The title is that of the front matter or of the file itself, else
 * the first top heading, else the file's name. `path` is relative to the imported folder, with `/`. Throws
 * when a PDF cannot be read.
 */
export async function readDocument(
  path: string,
  bytes: Uint8Array,
  metadata: Metadata = {},
): Promise<ReadDocument> {
  if (/\.pdf$/i.test(path)) {
    const { convertPdf } = await import("./convert-pdf.ts");
    const { title, markdown } = await convertPdf(bytes);
    return makeDocument(path, { title }, markdown, metadata, []);
  }
  const decoded = decodeText(bytes, /\.html?$/i.test(path));
  if (decoded === undefined) return { skipped: "not text in UTF-8, UTF-16 or windows-1252" };
  const { text, encoding } = decoded;
  const notes = encoding === "utf-8" ? [] : [`read as ${encoding}`];
  if (/\.html?$/i.test(path)) {
    const { convertHtml } = await import("./convert-html.ts");
    const { title, markdown } = convertHtml(text);
    return makeDocument(path, { title }, markdown, metadata, notes);
  }
  const { fields, body } = readFrontMatter(normaliseBody(text));
  return makeDocument(path, fields, body, metadata, notes);
}

function makeDocument(
  path: string,
  fields: FrontMatter["fields"],
  text: string,
  metadata: Metadata,
  notes: string[],
): ReadDocument {
  const { text: body, dropped } = dropControls(normaliseBody(text));
  if (dropped > 0)
    notes.push(`${dropped} control ${dropped === 1 ? "character was" : "characters were"} dropped`);
  const reason = refuseBody(body);
  if (reason !== undefined) return { skipped: lowerFirst(reason.replace(/\.$/, "")) };
  const title = nameDocument(path, body, asText(fields.title));
  if (title === "") return { skipped: "no title can be made of it" };
  return {
    document: { path, title, body, tags: readTags(fields.tags), metadata: { path, ...metadata } },
    notes,
  };
}

function readTags(value: string | readonly string[] | undefined): string[] {
  const list = typeof value === "string" ? value.split(",") : (value ?? []);
  const tags = list.map((tag) => cleanLine(tag, MAX_TAG_LENGTH).toLowerCase()).filter((tag) => tag !== "");
  return [...new Set(tags)].slice(0, MAX_TAGS);
}

function asText(value: string | readonly string[] | undefined): string {
  return typeof value === "string" ? value : "";
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
