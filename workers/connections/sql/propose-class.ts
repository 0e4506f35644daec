import type { Classification } from "../../../shared/call/mask-rules.ts";

/** Words in the names of columns, with the class of what such columns usually hold. */
const WORDS: readonly (readonly [Classification, RegExp])[] = [
  ["secret", /(^|_)(password|passwd|pwd|secret|token|api_?key|private_?key|salt|hash|otp|pin|cvv|cvc)(_|$)/],
  [
    "pii",
    /(^|_)(e?_?mail|phone|mobile|fax|first_?name|last_?name|full_?name|surname|birth_?(day|date)?|dob|ssn|tax_?id|passport|iban|card_?(no|number)|street|address|zip|postcode|postal_?code|ip(_?address)?|latitude|longitude|gender)(_|$)/,
  ],
];

/** The class that a column's name suggests, or `null`. A proposal: a person decides. */
export function proposeClass(column: string): Classification | null {
  const name = column.replaceAll(/([a-z])([A-Z])/g, "$1_$2").toLowerCase();
  return WORDS.find(([, words]) => words.test(name))?.[0] ?? null;
}
