import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { parse } from "parse5";
import { convertHtml } from "../knowledge/convert-html.ts";
import { convertPdf, readPdfText } from "../knowledge/convert-pdf.ts";
import { readFrontMatter } from "../knowledge/front-matter.ts";
import { findDocumentedPackages } from "../knowledge/package-documentation.ts";
import { readDocument } from "../knowledge/read-document.ts";
import { readBench } from "./options.ts";

/**
 * Converts third-party documents, and counts those that lose words: every example of the CommonMark
 * specification as HTML and as Markdown, and the documentation of installed packages. `--html <folder>` and
 * `--pdf <folder>` add files of other projects, such as the test documents of turndown and pdf.js.
 */

interface Tally {
  documents: number;
  words: number;
  /** Names of documents that lost words, with the first lost words. */
  lost: string[];
}

const NODE_MODULES = path.resolve(import.meta.dirname, "../../node_modules");
const SHOWN = 10;

const spec = createRequire(import.meta.url)("commonmark-spec") as {
  tests: { markdown: string; html: string; section: string; number: number }[];
};

const { values } = readBench("documents");

print("CommonMark 0.31 examples, HTML to Markdown", convertExamples());
print("CommonMark 0.31 examples, Markdown as it is", await readExamples());
print("documentation of installed packages, as files", await readPackages());
if (values.html !== undefined) print("HTML files", await readHtmlFiles(values.html));
if (values.pdf !== undefined) print("PDF files with text", await readPdfFiles(values.pdf));

function convertExamples(): Tally {
  const tally: Tally = { documents: 0, words: 0, lost: [] };
  for (const { html, number } of spec.tests) {
    count(
      tally,
      `example ${number}`,
      listWords(visibleText(html)),
      convertHtml(`<main>${html}</main>`).markdown,
    );
  }
  return tally;
}

async function readExamples(): Promise<Tally> {
  const tally: Tally = { documents: 0, words: 0, lost: [] };
  for (const { markdown, number } of spec.tests) {
    const read = readFrontMatter(markdown);
    const text = Object.keys(read.fields).length === 0 ? read.body : "";
    count(tally, `example ${number}`, listWords(markdown), text);
  }
  return tally;
}

async function readPackages(): Promise<Tally> {
  const tally: Tally = { documents: 0, words: 0, lost: [] };
  for (const { folder } of await findDocumentedPackages(NODE_MODULES)) {
    for (const name of await readdir(folder, { recursive: true })) {
      if (!/\.(?:md|html?)$/.test(name) || name.includes("node_modules")) continue;
      const bytes = new Uint8Array(await readFile(path.join(folder, name)));
      const read = await readDocument(name, bytes);
      // The import reports a document over the limits of an article; that is no loss of the conversion.
      if ("skipped" in read) continue;
      const source = new TextDecoder().decode(bytes);
      const words = /\.html?$/.test(name)
        ? listWords(visibleText(source))
        : listWords(readFrontMatter(source).body);
      count(tally, name, words, read.document.body);
    }
  }
  return tally;
}

async function readHtmlFiles(folder: string): Promise<Tally> {
  const tally: Tally = { documents: 0, words: 0, lost: [] };
  for (const name of (await readdir(folder, { recursive: true })).filter((file) => /\.html?$/.test(file))) {
    const html = await readFile(path.join(folder, name), "utf8");
    count(tally, name, listWords(visibleText(html)), convertHtml(html).markdown);
  }
  return tally;
}

/** What pdf.js reads of each page is what the import starts from: this counts what the layout loses of it. */
async function readPdfFiles(folder: string): Promise<Tally> {
  const tally: Tally = { documents: 0, words: 0, lost: [] };
  const refused = new Map<string, number>();
  for (const name of (await readdir(folder)).filter((file) => file.endsWith(".pdf")).sort()) {
    const bytes = new Uint8Array(await readFile(path.join(folder, name)));
    try {
      const { markdown } = await convertPdf(bytes);
      const { text } = await readPdfText(bytes);
      // The import puts white space where the layout has a gap, and removes it where a line divides a word.
      count(tally, name, listWords(text), `${markdown}\n${markdown.replaceAll(/[\s\\-]/g, "")}`);
    } catch (failure) {
      const reason = failure instanceof Error ? failure.message : String(failure);
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
    }
  }
  for (const [reason, number] of refused) console.log(`  refused: ${number} because ${reason}`);
  return tally;
}

/** The text of a page without scripts, styles and controls. */
function visibleText(html: string): string {
  const skipped = /^(?:script|style|template|noscript|title|nav|button|select|textarea|iframe|svg)$/;
  const parts: string[] = [];
  const walk = (node: { nodeName: string; value?: string; childNodes?: unknown[] }) => {
    if (skipped.test(node.nodeName)) return;
    if (node.nodeName === "#text") parts.push(node.value ?? "");
    for (const child of node.childNodes ?? []) walk(child as Parameters<typeof walk>[0]);
  };
  walk(parse(html) as Parameters<typeof walk>[0]);
  return parts.join(" ");
}

function listWords(text: string): string[] {
  return text.match(/[\p{L}\p{N}]+/gu) ?? [];
}

function count(tally: Tally, name: string, words: readonly string[], converted: string): void {
  tally.documents += 1;
  tally.words += words.length;
  const left = new Map<string, number>();
  for (const word of listWords(converted)) left.set(word, (left.get(word) ?? 0) + 1);
  for (const word of words) {
    const there = left.get(word) ?? 0;
    // A word may be split where the source has markup in its middle.
    if (there === 0 && !converted.includes(word)) {
      tally.lost.push(`${name}: ${word}`);
      return;
    }
    left.set(word, there - 1);
  }
}

function print(what: string, { documents, words, lost }: Tally): void {
  console.log(`${what}: ${documents - lost.length} of ${documents} without loss (${words} words)`);
  for (const line of lost.slice(0, SHOWN)) console.log(`  ${line}`);
}
