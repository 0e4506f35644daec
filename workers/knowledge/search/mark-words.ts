/** What stands around the words that were found; neither occurs in an article, which holds no control characters. */
export const FOUND_FROM = "\u0002";
/** See {@link FOUND_FROM}. */
export const FOUND_TO = "\u0003";

/**
 * Puts `**` around the words that were found, but for those inside of a link, an address, a file's name or code: there
 * the marks would make another address of it.
 */
export function markWords(snippet: string): string {
  const text = snippet.replace(/\s+/g, " ").trim();
  let inTarget = false;
  // Code and tags first, whole; then word by word.
  const pieces = text.match(/`+[^`]*`+|<[^<>]*>|[^\s<`]+|[\s<`]/g) ?? [];
  const marked = pieces.map((piece) => {
    if (piece.length > 1 && /^[`<]/.test(piece)) return unmark(piece);
    const target = inTarget || piece.includes("](") || piece.includes("][");
    if (target) {
      // «[text](address "title")»: the text may be marked, and the rest is the address.
      const from = inTarget ? 0 : piece.search(/\]\(|\]\[/);
      inTarget = !/[)\]]/.test(piece.slice(from + 2));
      return markRun(piece.slice(0, from)) + unmark(piece.slice(from));
    }
    return markRun(piece);
  });
  return marked.join("");
}

/** What stands between two spaces. */
function markRun(run: string): string {
  const plain = unmark(run);
  return isAddress(plain) ? plain : run.replaceAll(FOUND_FROM, "**").replaceAll(FOUND_TO, "**");
}

/** Web and e-mail addresses, domains, paths, names of files, anchors, and labels that a link may be known by. */
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
