import { card, iban } from "./account-numbers.ts";
import { contactDetails } from "./contact-details.ts";
import type { Detector, Finding } from "./finding.ts";
import { nationalIds } from "./national-ids.ts";
import { secrets } from "./secrets.ts";

/** What to find: a classification, or payment cards alone. */
export type Wanted = Finding["classification"] | "card";

/** Most certain first: of two overlapping findings the first is kept. */
const DETECTORS: readonly Detector[] = [...secrets, iban, card, ...nationalIds, ...contactDetails];

/**
 * Finds sensitive data in free text, in order and without overlaps. Linear in the length of the text. Names
 * and postal addresses are not found: no pattern tells them from other words.
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
  // Stable sort: of two with the same start, the more certain one comes first.
  found.sort((a, b) => a.start - b.start);
  const kept: Finding[] = [];
  for (const finding of found) {
    const last = kept.at(-1);
    if (!last || finding.start >= last.end) kept.push(finding);
    // In a URL the part after the password is a host, not the domain of an address.
    else if (finding.end > last.end && last.kind !== "url_password") last.end = finding.end;
  }
  return kept;
}

/** A UUID in its text form (RFC 9562 §4), of any version. */
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}(?![\w-])/i;
const UUID_LENGTH = 36;

/**
 * Whether a finding is part of a UUID. About one UUID in ten thousand contains digits with the check digits
 * of an account number, and a masked id is useless. A secret may have the form of a UUID, so secrets are not
 * exempt.
 */
function liesInUuid(text: string, start: number, end: number): boolean {
  const first = Math.max(0, end - UUID_LENGTH);
  for (let at = first; at <= start; at += 1) {
    if (UUID.test(text.slice(at, at + UUID_LENGTH + 1)) && !/[\w-]/.test(text.charAt(at - 1))) return true;
  }
  return false;
}
