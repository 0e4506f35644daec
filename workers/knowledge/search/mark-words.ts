/** Markers around found words; neither occurs in an article, which has no control characters. */
export const FOUND_FROM = "\u0002";
/** See {@link FOUND_FROM}. */
export const FOUND_TO = "\u0003";

/**
 * Puts `**` around the found words, except inside of a link, an address, a file name or code, which the marks
 * would change.
 */
export function markWords(snippet: string): string {
  const text = snippet.replace(/\s+/g, " ").trim();
  let inTarget = false;
  // Code and tags first, as a whole; then word by word.
  const pieces = text.match(/`+[^`]*`+|<[^<>]*>|[^\s<`]+|[\s<`]/g) ?? [];
  const marked = pieces.map((piece) => {
    if (piece.length > 1 && /^[`<]/.test(piece)) return unmark(piece);
    const target = inTarget || piece.includes("](") || piece.includes("][");
    if (target) {
      // «[text](address "title")»: marks in the text are allowed, the rest is the address.
      const from = inTarget ? 0 : piece.search(/\]\(|\]\[/);
      inTarget = !/[)\]]/.test(piece.slice(from + 2));
      return markRun(piece.slice(0, from)) + unmark(piece.slice(from));
    }
    return markRun(piece);
  });
  return marked.join("");
}

/** The text between two spaces. */
function markRun(run: string): string {
  const plain = unmark(run);
  return isAddress(plain) ? plain : run.replaceAll(FOUND_FROM, "**").replaceAll(FOUND_TO, "**");
}

/** Web and e-mail addresses, domains, paths, file names, anchors, and possible link labels. */
function isAddress(run: string): boolean {
  return (
    /:\/\/|[^\s@]@[^\s@]|[\\/]|^www\.|[\p{L}\p{N}_-]\.[\p{L}\p{N}_-]|^\[[^\]]*\](?!\()|^(?:mailto|tel):/iu.test(
      run,
    ) || /[?&#][\p{L}\p{N}_-]+(?:=|$)/u.test(run)
  );
}

function unmark(text: string): string {
  return text.replaceAll(FOUND_FROM, "").replaceAll(FOUND_TO, "");
}
