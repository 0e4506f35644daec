import { NodeHtmlMarkdown } from "node-html-markdown";
import { type DefaultTreeAdapterTypes, parse, serializeOuter } from "parse5";

type Node = DefaultTreeAdapterTypes.ChildNode;
type Element = DefaultTreeAdapterTypes.Element;
type Parent = DefaultTreeAdapterTypes.ParentNode;

/** Elements without text in any place. A form is kept: some systems put the whole page into one. */
const NO_TEXT = new Set(
  "head script style template noscript nav svg iframe button select input textarea datalist object embed".split(
    " ",
  ),
);
/** Elements around the text of a page, unless they belong to the article itself. */
const AROUND = new Set(["header", "footer", "aside"]);
/** Elements in which they belong to the text. */
const ARTICLE = new Set(["article", "main", "section", "blockquote"]);
/** Elements that begin and end a line. */
const BLOCKS = new Set(
  `address article aside blockquote dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6
  header hr legend li main ol p pre section summary table tr ul`.split(/\s+/),
);
/** Of these, the elements that the converter does not treat as blocks. */
const UNKNOWN_BLOCKS = new Set(
  "details summary figcaption figure dt dd legend address dialog fieldset".split(" "),
);

/** A page as an article: its own title, empty if it has none, and its text as Markdown. */
export interface ConvertedText {
  title: string;
  markdown: string;
}

/**
 * Converts a web page to Markdown. Parses it as browsers do. Omits scripts, styles, controls and the
 * surroundings of the text (navigation, the page's own header and footer); keeps the header, asides and
 * footer of an article. The title is the only top heading inside of an article, else that of the page.
 */
export function convertHtml(html: string): ConvertedText {
  const document = parse(html);
  const elements = listElements(document);
  const pageTitle = textOf(elements.find(({ tagName }) => tagName === "title"));
  const holdsHeading = (element: Element) =>
    listElements(element).some(({ tagName }) => tagName === "h1") &&
    !elements.some((other) => other.tagName === "h1" && !listElements(element).includes(other));
  prune(document, false, holdsHeading);
  const body = listElements(document).find(({ tagName }) => tagName === "body") ?? document;
  for (const cell of listElements(body).filter(({ tagName }) => /^t[dh]$/.test(tagName))) flattenCell(cell);
  for (const element of listElements(body)) if (UNKNOWN_BLOCKS.has(element.tagName)) element.tagName = "div";
  const converter = new NodeHtmlMarkdown({ keepDataImages: false, useLinkReferenceDefinitions: false });
  const page = "tagName" in body ? serializeOuter(body) : "";
  const markdown = converter.translate(page.replaceAll("\u00AD", "")).replaceAll(BREAK, "<br>").trim();
  const headings = listElements(body).filter(({ tagName }) => tagName === "h1");
  const inArticle = listElements(body).some(
    (element) =>
      /^(?:article|main)$/.test(element.tagName) && listElements(element).includes(headings[0] as Element),
  );
  const [only, ...others] = inArticle ? headings.map(textOf) : [];
  return { title: only && others.length === 0 ? only : pageTitle, markdown };
}

/** Removes elements without text. `inArticle`: whether the parent belongs to an article. */
function prune(parent: Parent, inArticle: boolean, keeps: (element: Element) => boolean): void {
  parent.childNodes = parent.childNodes.filter((node) => {
    if (node.nodeName === "#comment") return false;
    if (!("tagName" in node)) return true;
    if (NO_TEXT.has(node.tagName)) return false;
    const role = node.attrs.find(({ name }) => name === "role")?.value;
    if (role === "navigation" || role === "search") return false;
    if (AROUND.has(node.tagName) && !inArticle && !keeps(node)) return false;
    prune(node, inArticle || ARTICLE.has(node.tagName) || role === "main", keeps);
    return true;
  });
}

/** Placeholder of a line break inside a cell until the table is written: Markdown only has `<br>` for it. */
const BREAK = "\uE000";

/** A table cell in Markdown is one line: breaks separate its blocks. */
function flattenCell(cell: Element): void {
  const join = (nodes: readonly Node[]): Node[] => {
    const flat: Node[] = [];
    for (const node of nodes) {
      if ("tagName" in node && node.tagName === "br") flat.push(makeText(BREAK, cell));
      else if ("tagName" in node && BLOCKS.has(node.tagName)) {
        flat.push(makeText(BREAK, cell), ...join(node.childNodes), makeText(BREAK, cell));
      } else if ("tagName" in node && /^(?:tbody|thead|tfoot|td|th)$/.test(node.tagName)) {
        flat.push(makeText(" ", cell), ...join(node.childNodes), makeText(" ", cell));
      } else flat.push(node);
    }
    return flat;
  };
  cell.childNodes = trimBreaks(join(cell.childNodes));
}

function isBreak(node: Node | undefined): boolean {
  return node !== undefined && "value" in node && node.value === BREAK;
}

function isBlank(node: Node | undefined): boolean {
  return node !== undefined && "value" in node && (node.value === BREAK || node.value.trim() === "");
}

/** Removes breaks at both ends, and keeps one between two blocks. */
function trimBreaks(nodes: readonly Node[]): Node[] {
  const kept: Node[] = [];
  for (const node of nodes) {
    if (isBreak(node)) {
      while (isBlank(kept.at(-1)) && !isBreak(kept.at(-1))) kept.pop();
      if (kept.length === 0 || isBreak(kept.at(-1))) continue;
    }
    kept.push(node);
  }
  while (isBlank(kept.at(-1))) kept.pop();
  return kept;
}

function makeText(value: string, parentNode: Parent): DefaultTreeAdapterTypes.TextNode {
  return { nodeName: "#text" as DefaultTreeAdapterTypes.TextNode["nodeName"], value, parentNode };
}

/** All descendant elements of a node, in document order. */
function listElements(parent: Parent): Element[] {
  const found: Element[] = [];
  const open: Node[] = [...parent.childNodes].reverse();
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (!("tagName" in node)) continue;
    found.push(node);
    open.push(...[...node.childNodes].reverse());
  }
  return found;
}

function textOf(element: Element | undefined): string {
  if (element === undefined) return "";
  const read = (node: Node): string =>
    "value" in node ? node.value : "childNodes" in node ? node.childNodes.map(read).join("") : "";
  return read(element).replace(/\s+/g, " ").trim();
}
