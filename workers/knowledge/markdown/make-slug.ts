import { foldText } from "../../../shared/text/fold-text.ts";
import { cutText } from "../../../shared/text/well-formed.ts";

/** Maximum length of a slug, in characters. */
export const MAX_SLUG_LENGTH = 100;

/**
 * Converts a text to a slug: lower-case ASCII letters and digits joined with single hyphens, 1 to `max`
 * characters. Accents are folded. A text without a usable character gives `fallback`.
 */
export function makeSlug(text: string, fallback = "article", max = MAX_SLUG_LENGTH): string {
  const words = foldText(text).match(/[a-z0-9]+/g) ?? [];
  return words.join("-").slice(0, max).replace(/-$/, "") || fallback;
}

/**
 * Converts heading texts to fragments as GitHub does: lower case, punctuation dropped, spaces to hyphens,
 * `-1`, `-2` … for repeated ones. Letters of every script are kept. Use one maker per document.
 */
export function anchorMaker(): (heading: string) => string {
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  return (heading) => {
    const base =
      cutText(
        heading
          .trim()
          .toLowerCase()
          .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
          .replace(/ /g, "-"),
        MAX_SLUG_LENGTH,
      ) || "section";
    let count = counts.get(base) ?? 0;
    let anchor = count === 0 ? base : `${base}-${count}`;
    while (taken.has(anchor)) anchor = `${base}-${++count}`;
    counts.set(base, count + 1);
    taken.add(anchor);
    return anchor;
  };
}
