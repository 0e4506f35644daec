import { z } from "zod";
import { MAX_SLUG_LENGTH } from "./markdown/make-slug.ts";

/** Maximum size of an article, in bytes of UTF-8. */
export const MAX_BODY_BYTES = 256 * 1024;
/** Maximum length of a title, in characters. */
export const MAX_TITLE_LENGTH = 200;
/** Maximum number of tags per article, and maximum characters of a tag. */
export const MAX_TAGS = 10;
/** See {@link MAX_TAGS}. */
export const MAX_TAG_LENGTH = 40;
/** Maximum number of collections. */
export const MAX_COLLECTIONS = 200;

const encoder = new TextEncoder();

/** Why a text is no valid article body, as one sentence; `undefined` if it is valid. */
export function refuseBody(body: string): string | undefined {
  if (body.trim() === "") return "The text is empty.";
  const bytes = encoder.encode(body).length;
  if (bytes > MAX_BODY_BYTES) return `The text has ${bytes} bytes; at most ${MAX_BODY_BYTES} are allowed.`;
  if (!isPlainText(body)) return "The text contains control characters or broken Unicode.";
  return undefined;
}

/** First characters of a pasted page or PDF; `JVBERi0` is `%PDF-` in base64. */
const OTHER_FORMATS = /^\s*(?:<!doctype html|<html[\s>]|%PDF-|JVBERi0)/i;

/** Why a text is in another format than Markdown, as one sentence; `undefined` if it may be Markdown. */
function refuseOtherFormats(body: string): string | undefined {
  if (!OTHER_FORMATS.test(body)) return undefined;
  return "This is a page or a PDF, and articles are Markdown: send its text as Markdown. The command npm run kb:import imports whole files.";
}

/** Whether a text is well-formed Unicode without control characters other than tab and line ends. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/\p{Cc}/u.test(text.replace(/[\t\r\n]/g, ""));
}

/**
 * A text without control characters and lone surrogates, and how many were removed. Line ends and tabs stay.
 */
export function dropControls(text: string): { text: string; dropped: number } {
  // Page and line separators of older systems become white space.
  const lines = text.replace(/[\f\v\u0085\u2028\u2029]/g, "\n");
  let dropped = 0;
  const kept = lines.replace(/(?![\t\r\n])\p{Cc}|\p{Cs}/gu, () => {
    dropped += 1;
    return "";
  });
  return { text: kept, dropped };
}

/**
 * Line ends as `
 * ` only, so that equal texts have equal hashes.
 */
export function normaliseBody(body: string): string {
  return body.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
}

/** Input field: the text of an article. */
export const bodyField = z
  .string()
  .max(MAX_BODY_BYTES, "An article has at most 256 KiB; split it into several.")
  .transform(normaliseBody)
  .superRefine((body, issues) => {
    const reason = refuseBody(body) ?? refuseOtherFormats(body);
    if (reason !== undefined) issues.addIssue({ code: "custom", message: reason });
  });

/** Input field: the title of an article, one line. */
export const titleField = z
  .string()
  .trim()
  .min(1, "Give the article a title.")
  .max(MAX_TITLE_LENGTH)
  .refine((title) => isPlainText(title) && !/[\t\r\n]/.test(title), "A title is one line of plain text.");

/** Input field: the tags of an article, in lower case and distinct. */
export const tagsField = z
  .array(
    z
      .string()
      .trim()
      .toLowerCase()
      .min(1)
      .max(MAX_TAG_LENGTH)
      .refine((tag) => isPlainText(tag) && !/[\t\r\n]/.test(tag), "A tag is one line of plain text."),
  )
  .max(MAX_TAGS)
  .transform((tags) => [...new Set(tags)]);

/** Input field: a collection's slug. */
export const collectionField = z
  .string()
  .max(MAX_SLUG_LENGTH)
  // A refinement instead of a pattern: a pattern would cost every tool list a dozen tokens per field.
  .refine(
    (slug) => /^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug),
    "A collection is named by its slug, such as `handbook`; see knowledge_list_collections.",
  );

/** Input field: the roles that may read a new collection. */
export const newReadersField = z
  .array(
    z.string().refine((role) => /^(?:\*|[a-z][a-z0-9_-]{0,39})$/.test(role), "A role is a lower-case word."),
  )
  .max(20)
  .optional()
  .describe('Roles that may read a new one, besides your own; ["*"]: all.');

/** The value of {@link newReadersField} for a store: `null` for every role. */
export function readersOf(roles: readonly string[] | undefined): readonly string[] | null {
  return roles?.includes("*") ? null : (roles ?? []);
}

/** Input field: an article's id, its `kb://articles/…` citation, or either with `#section`. */
export const articleIdField = z.string().trim().min(1).max(400).describe("Id or kb://articles/… citation.");

/** An article's slug, and the fragment of one section if the reference names one. */
export interface ArticleReference {
  slug: string;
  anchor: string;
}

/** Parses `slug`, `slug#anchor` and `kb://articles/slug#anchor`. */
export function parseReference(reference: string): ArticleReference {
  const [slug = "", ...fragment] = reference
    .trim()
    .replace(/^kb:\/\/articles\//, "")
    .split("#");
  return { slug, anchor: decodeFragment(fragment.join("#")) };
}

function decodeFragment(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
