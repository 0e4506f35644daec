/**
 * Whether the elements of an XML text are within each other at most `most` times. Read from the text, once and without
 * recursion: a tree of millions of levels would fill the memory first. Says yes to what is no XML, which its parser refuses.
 */
export function isShallow(text: string, most: number): boolean {
  let level = 0;
  for (let at = text.indexOf("<"); at >= 0; at = text.indexOf("<", at)) {
    const end = endOfMarkup(text, at);
    if (end < 0) return true;
    const next = text[at + 1];
    if (next === "/") level -= 1;
    else if (next !== "!" && next !== "?" && text[end - 2] !== "/") level += 1;
    if (level > most) return false;
    at = end;
  }
  return true;
}

/** Where a tag, comment, instruction or literal section is over; -1 if it never is. */
function endOfMarkup(text: string, at: number): number {
  for (const [begin, end] of [
    ["<!--", "-->"],
    ["<![CDATA[", "]]>"],
    ["<?", "?>"],
  ] as const) {
    if (!text.startsWith(begin, at)) continue;
    const found = text.indexOf(end, at + begin.length);
    return found < 0 ? -1 : found + end.length;
  }
  for (let here = at + 1; here < text.length; here += 1) {
    const character = text[here];
    if (character === ">") return here + 1;
    if (character !== '"' && character !== "'") continue;
    here = text.indexOf(character, here + 1);
    if (here < 0) return -1;
  }
  return -1;
}
