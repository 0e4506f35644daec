/**
 * Makes an untrusted name safe to show: control, format and direction-changing characters (Unicode categories
 * Cc, Cf, Co, Cs) become spaces, white space collapses, and the rest is cut at `max` code points. The
 * template does the escaping.
 */
export function toDisplayText(value: string, max: number): string {
  const clean = value
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, " ")
    .replace(/\s+/gu, " ")
    .trim();
  const points = Array.from(clean);
  return points.length <= max ? clean : `${points.slice(0, max - 1).join("")}…`;
}
