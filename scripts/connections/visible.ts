/** A foreign text for a terminal: visible ASCII and letters; everything else by its code. At most 600 characters. */
export function visible(text: string): string {
  const short = text.length <= 600 ? text : `${text.slice(0, 600)}…`;
  return short
    .replaceAll("\n", "⏎ ")
    .replace(
      /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu,
      (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`,
    );
}
