/** Problem of a cell with an ambiguous number, as one sentence. */
export const AMBIGUOUS_NUMBER =
  "This may mean thousands or a fraction: write it without a separator for thousands, and with no more than two decimals.";

/**
 * Parses a number as people and programs write it to plain digits with a decimal point: `1,200`, `1.234,50`,
 * `1'200`, `250.0`. A single separator before exactly three digits separates thousands if spreadsheets with
 * the file's delimiter write it so; otherwise the number is `ambiguous`. `undefined` for a text that is not a
 * number.
 */
export function readNumber(cell: string, decimalComma: boolean): string | "ambiguous" | undefined {
  const text = cell.normalize("NFKC").replace(/[\s'’]/g, "");
  if (!/^\d[\d.,]*$/.test(text) || text.length > 40) return undefined;
  const marks = text.replace(/\d/g, "");
  const last = marks.at(-1);
  if (last === undefined) return text;
  const [first = last] = marks;
  if (first !== last) {
    const [whole = "", fraction = "", more] = text.split(last);
    return more === undefined && isGrouped(whole, first) ? `${drop(whole, first)}.${fraction}` : undefined;
  }
  if (marks.length > 1) return isGrouped(text, last) ? drop(text, last) : undefined;
  const [whole = "", tail = ""] = text.split(last);
  // The part before a thousands separator has one to three digits and does not begin with 0.
  if (tail.length !== 3 || !/^[1-9]\d{0,2}$/.test(whole)) return `${whole}.${tail}`.replace(/\.$/, "");
  return last === (decimalComma ? "." : ",") ? whole + tail : "ambiguous";
}

/** Groups of three digits, or of two before the last three, as India writes lakhs. */
function isGrouped(text: string, mark: string): boolean {
  const [first = "", ...groups] = text.split(mark);
  const last = groups.pop();
  if (last === undefined || last.length !== 3 || !/^\d{1,3}$/.test(first)) return false;
  return groups.every(({ length }) => length === 3) || groups.every(({ length }) => length === 2);
}

function drop(text: string, mark: string): string {
  return text.replaceAll(mark, "");
}

/** Parses a whole number like {@link readNumber}: of two readings, discards the one that is not whole. */
export function readWholeNumber(cell: string, decimalComma: boolean): string | "ambiguous" | undefined {
  const read = readNumber(cell, decimalComma);
  if (read !== "ambiguous") return read;
  const digits = cell.normalize("NFKC").replace(/\D/g, "");
  return digits.endsWith("000") ? "ambiguous" : digits;
}
