import { measureDistance } from "../../shared/text/edit-distance.ts";
import { foldText } from "../../shared/text/fold-text.ts";
import type { ContactRow } from "./store/contacts.ts";
import type { DuplicatePair, MergedFields } from "./store/duplicates.ts";

/**
 * Whether the names of two contacts may belong to one person: last names at most one edit apart (Damerau,
 * optimal string alignment), and first names too, or one a prefix of the other, such as Rob and Robert.
 * Accents and case do not count.
 */
export function resembles(
  pair: Pick<DuplicatePair, "one_first" | "other_first" | "one_last" | "other_last">,
): boolean {
  const [one, other] = [fold(pair.one_first), fold(pair.other_first)];
  // A single name is compared as a whole.
  if (one === "" && other === "") return fold(pair.one_last) === fold(pair.other_last);
  if (measureDistance(fold(pair.one_last), fold(pair.other_last), 1) > 1) return false;
  const short = one.length < other.length ? one : other;
  const begins = short.length >= 2 && (one.startsWith(short) ? other.startsWith(short) : false);
  return begins || (short.length >= 3 && measureDistance(one, other, 1) <= 1);
}

function fold(name: string): string {
  return foldText(name).replace(/[^\p{L}\p{M}\p{N}]/gu, "");
}

/** Fields of a merged contact: the kept one's values, and the duplicate's where the kept one has none. */
export function mergeFields(kept: ContactRow, duplicate: ContactRow): MergedFields {
  const later = [kept.last_activity_at, duplicate.last_activity_at].filter((time) => time !== null).sort();
  return {
    title: kept.title ?? duplicate.title,
    email: kept.email ?? duplicate.email,
    phone: kept.phone ?? duplicate.phone,
    company_id: kept.company_id ?? duplicate.company_id,
    owner_id: kept.owner_id ?? duplicate.owner_id,
    last_activity_at: later.at(-1) ?? null,
  };
}
