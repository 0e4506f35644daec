/** Mask placeholder. Not a sequence users type, so masked values can be detected and refused on write. */
export const MASK = "•••";

/** More words than this are a text, not a name, and are masked completely. */
const MOST_WORDS = 4;

/** Output of {@link keepLastDigits}. */
const NUMBER_SHOWN = /^•••\d{2,4}$/;

/**
 * Masks a whole value so that a reader who knows it can recognise it: `j•••@acme.com`, `•••67` for a
 * telephone number, `J••• D•••` for a name. Never returns the value itself; idempotent.
 */
export function maskValue(value: string): string {
  if (value === "") return value;
  const [local = "", domain] = splitAddress(value);
  if (domain !== undefined) return `${keepInitial(local)}@${domain}`;
  if (NUMBER_SHOWN.test(value)) return value;
  if (/^\+?[\d ()./x-]*\d[ ()./x-]*$/.test(value)) return keepLastDigits(value, 2);
  const words = value.split(/\s+/).filter((word) => word !== "");
  return words.length === 0 || words.length > MOST_WORDS ? MASK : words.map(keepInitial).join(" ");
}

/** Masks a finding inside a text. The last four digits of a payment card may be shown (PCI DSS 3.4.1). */
export function maskFinding(kind: string, value: string): string {
  switch (kind) {
    case "email":
    case "phone":
      return maskValue(value);
    case "card":
      return keepLastDigits(value, 4);
    default:
      return MASK;
  }
}

/** Whether a text contains the output of masking. */
export function holdsMask(text: string): boolean {
  return text.includes(MASK);
}

function splitAddress(value: string): [local: string, domain?: string] {
  const match = /^([^\s@]+)@([^\s@]+\.[^\s@]+)$/.exec(value);
  return match ? [match[1] ?? "", match[2] ?? ""] : [value];
}

/** The first character, unless the word has only one. */
function keepInitial(word: string): string {
  const [initial = "", second] = word;
  return second === undefined || MASK.startsWith(initial) ? MASK : `${initial}${MASK}`;
}

/** The last digits of a number with at least seven, so that most of it is hidden. */
function keepLastDigits(value: string, count: number): string {
  const digits = value.replace(/\D/g, "");
  return digits.length < 7 ? MASK : `${MASK}${digits.slice(-count)}`;
}
