import { card, iban } from "./account-numbers.ts";
import { contactDetails } from "./contact-details.ts";
import type { Detector, Finding } from "./finding.ts";
import { nationalIds } from "./national-ids.ts";
import { secrets } from "./secrets.ts";

/** What is looked for: everything of a classification, or payment cards alone. */
export type Wanted = Finding["classification"] | "card";

/** In order of certainty: what is found first keeps its place when two overlap. */
const DETECTORS: readonly Detector[] = [...secrets, iban, card, ...nationalIds, ...contactDetails];

/**
 * Finds what should not leave in free text, in order, without overlaps. Time is linear in the length of the text.
 * Names and postal addresses are not found: no pattern tells them from other words.
 */
export function findSensitive(text: string, wanted: readonly Wanted[]): Finding[] {
  const found: Finding[] = [];
  for (const { kind, classification, find } of DETECTORS) {
    if (!wanted.includes(classification) && !(kind === "card" && wanted.includes("card"))) continue;
    for (const [start, end] of find(text)) {
      if (classification === "secret" || !liesInUuid(text, start, end)) {
        found.push({ kind, classification, start, end });
      }
    }
  }
  if (found.length < 2) return found;
  // Stable: of two that begin together, the more certain one comes first.
  found.sort((a, b) => a.start - b.start);
  const kept: Finding[] = [];
  for (const finding of found) {
    const last = kept.at(-1);
    if (!last || finding.start >= last.end) kept.push(finding);
    // What follows the password in a URL is a host and not the domain of an address.
    else if (finding.end > last.end && last.kind !== "url_password") last.end = finding.end;
  }
  return kept;
}

/** A UUID in its text form (RFC 9562 §4), of whatever version. */
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}(?![\w-])/i;
const UUID_LENGTH = 36;

/**
 * Whether a place is a part of a UUID. Some of their digits are account numbers with right check digits, one UUID in some
 * ten thousand, and an id that is masked leads nowhere. A secret may have the form of one.
 */
function liesInUuid(text: string, start: number, end: number): boolean {
  const first = Math.max(0, end - UUID_LENGTH);
  for (let at = first; at <= start; at += 1) {
    if (UUID.test(text.slice(at, at + UUID_LENGTH + 1)) && !/[\w-]/.test(text.charAt(at - 1))) return true;
  }
  return false;
}
