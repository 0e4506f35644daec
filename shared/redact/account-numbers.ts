import { passesIban, passesLuhn } from "./check-digits.ts";
import type { Detector } from "./finding.ts";

/** Length of an IBAN by country (SWIFT IBAN registry). */
const IBAN_LENGTHS: Readonly<Record<string, number>> = Object.fromEntries(
  (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 " +
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IR26 IS26 IT27 JO30 KW30 KZ20 " +
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 " +
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/**
 * IBANs, with or without groups. The country determines the length, so a following word in capitals does not
 * matter. Reads at most 64 characters from each start.
 */
export const iban: Detector = {
  kind: "iban",
  classification: "pii",
  *find(text) {
    for (const { index } of text.matchAll(/(?<![\p{L}\p{N}_•])[A-Z]{2}\d{2}(?=[ -]?[A-Z0-9])/giu)) {
      const wanted = IBAN_LENGTHS[text.slice(index, index + 2).toUpperCase()];
      if (wanted === undefined) continue;
      const end = findEnd(text, index, wanted, /[A-Za-z0-9]/);
      if (end !== undefined && passesIban(strip(text.slice(index, end)).toUpperCase())) yield [index, end];
    }
  },
};

/** Lengths of card numbers, longest first (ISO/IEC 7812-1 allows 19; old Visa cards have 13). */
const CARD_LENGTHS = [19, 16, 15, 14, 13];

/**
 * Payment cards of the large schemes, by leading digits, length and Luhn. Text after the number is not part
 * of it.
 */
export const card: Detector = {
  kind: "card",
  classification: "pii",
  *find(text) {
    for (const { index } of text.matchAll(/(?<![\w•+]|[\w][.-])[2-6]\d{3}(?=[ -]?\d)/g)) {
      for (const length of CARD_LENGTHS) {
        const end = findEnd(text, index, length, /\d/);
        if (end === undefined || !isCard(strip(text.slice(index, end)))) continue;
        yield [index, end];
        break;
      }
    }
  },
};

function isCard(digits: string): boolean {
  const length = digits.length;
  const issued =
    (/^4/.test(digits) && [13, 16, 19].includes(length)) ||
    (/^(?:5[1-5]|2[2-7])/.test(digits) && length === 16) ||
    (/^3[47]/.test(digits) && length === 15) ||
    (/^3[068]/.test(digits) && length === 14) ||
    (/^(?:6011|64|65|62|35)/.test(digits) && length >= 16) ||
    (/^(?:50|5[6-9]|6[037])/.test(digits) && length >= 16);
  return issued && passesLuhn(digits) && !/^(\d)\1+$/.test(digits);
}

function strip(text: string): string {
  return text.replace(/[ -]/g, "");
}

/**
 * End of a number of `count` characters that begins at `start`, with optional single spaces or dashes
 * between.
 */
function findEnd(text: string, start: number, count: number, character: RegExp): number | undefined {
  let at = start;
  for (let seen = 0; seen < count; at++) {
    if (character.test(text.charAt(at))) seen += 1;
    else if (!/[ -]/.test(text.charAt(at)) || /[ -]/.test(text.charAt(at - 1))) return undefined;
  }
  return /[\p{L}\p{N}_]/u.test(text.charAt(at)) ? undefined : at;
}
