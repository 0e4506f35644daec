type Value = string | number | undefined;

/** An SVG element as text. Escapes attributes and text; children must be markup. */
export function tag(
  name: string,
  attributes: Readonly<Record<string, Value>>,
  ...children: string[]
): string {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${escapeText(typeof value === "number" ? round(value) : value)}"`],
  );
  return `<${name}${written.join("")}>${children.join("")}</${name}>`;
}

/** A `<text>` element at a position. */
export function label(
  text: string,
  x: number,
  y: number,
  style: { fill: string; size: number; anchor?: "start" | "middle" | "end"; bold?: boolean },
): string {
  const { fill, size, anchor, bold } = style;
  return tag(
    "text",
    {
      x,
      y,
      fill,
      "font-size": size,
      "text-anchor": anchor ?? "start",
      "font-weight": bold ? 600 : undefined,
    },
    escapeText(text),
  );
}

/** Approximate width of a text: the mean advance of a sans-serif face is a little over half its size. */
export function measureText(text: string, size: number): number {
  let width = 0;
  for (const letter of text)
    width += /[mwMW@%]/.test(letter) ? 0.86 : /[ijlI.,:;|'’ ()]/.test(letter) ? 0.33 : 0.59;
  return width * size;
}

/** Shortens a text to a width; an ellipsis marks the cut. */
export function fitText(text: string, size: number, width: number): string {
  if (measureText(text, size) <= width) return text;
  let end = text.length;
  while (end > 1 && measureText(`${text.slice(0, end)}…`, size) > width) end--;
  return `${text.slice(0, end).trimEnd()}…`;
}

function escapeText(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/'/g, "&#39;");
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}
