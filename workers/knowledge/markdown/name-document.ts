import { cutText } from "../../../shared/text/well-formed.ts";
import { isPlainText, MAX_TITLE_LENGTH } from "../article-limits.ts";
import { splitSections } from "./split-sections.ts";

/**
 * The title of a document: its given title, else its first top heading, else the name of its file, for an index
 * page that of its folder. Empty when none of them is a line of plain text.
 *
 * @param path - relative to the imported folder, with `/`
 */
export function nameDocument(path: string, body: string, title = ""): string {
  return cleanLine(title || findTopHeading(body) || titleFromPath(path), MAX_TITLE_LENGTH);
}

/** A text as one line of at most `max` characters; empty for a text that cannot be displayed. */
export function cleanLine(text: string, max: number): string {
  const line = cutText(text.toWellFormed().replace(/\s+/g, " ").trim(), max).trim();
  return isPlainText(line) ? line : "";
}

function findTopHeading(body: string): string | undefined {
  return splitSections(body, 1).find((section) => section.level === 1 && section.heading !== "")?.heading;
}

function titleFromPath(path: string): string {
  const parts = path.replace(/\.[^./]+$/, "").split("/");
  const last = parts.at(-1) ?? "";
  // An index page describes its folder.
  const name = /^(?:index|readme)$/i.test(last) && parts.length > 1 ? (parts.at(-2) ?? last) : last;
  const words = name.replace(/[-_\s]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
