import { NodeHtmlMarkdown } from "node-html-markdown";

/** What a page says around its text; none of it belongs into an article. */
const FURNITURE = [
  "script",
  "style",
  "template",
  "noscript",
  "nav",
  "header",
  "footer",
  "aside",
  "form",
  "svg",
  "iframe",
];

/** A page as an article: its own title, empty when it has none, and its text as Markdown. */
export interface ConvertedText {
  title: string;
  markdown: string;
}

/** Turns a web page into Markdown. Scripts, styles and what stands around the text (navigation, footers) are left out. */
export function convertHtml(html: string): ConvertedText {
  const converter = new NodeHtmlMarkdown({
    ignore: FURNITURE,
    keepDataImages: false,
    useLinkReferenceDefinitions: false,
  });
  const title = /<title[^>]*>([^<]{1,1000})<\/title>/i.exec(html)?.[1] ?? "";
  // The head holds the title a second time, and nothing that is read.
  const page = html.replace(/<head\b[^>]*>[\s\S]*?<\/head\s*>/i, "");
  return { title: converter.translate(title).trim(), markdown: converter.translate(page).trim() };
}
