import { type CountryCode, getCountries, parsePhoneNumberFromString } from "libphonenumber-js/min";
import { foldText } from "../../../shared/text/fold-text.ts";

/** Keys for comparing telephone numbers. */
export interface PhoneKeys {
  /** The number with its country, `+49221555019`; `null` if the country is unknown. */
  e164: string | null;
  /**
   * Last nine digits of the national number: the same with and without the country. `null` for fewer than
   * seven digits.
   */
  key: string | null;
  /** All digits, without a leading trunk zero; searches for parts use them. */
  digits: string;
}

/** Minimum digits of a number to compare, and of a part to search. */
const FEWEST_DIGITS = 7;
const KEY_LENGTH = 9;
const EXTENSION = /\s*(?:;?\s*ext(?:ension|n)?\.?|x|#)\s*[=:]?\s*\d{1,7}$/i;
/** The trunk zero of a national number, omitted after the country: +49 (0)221. */
const TRUNK = /(?<=^(?:\+|00)[\d\s]*)\(0\)/;

/**
 * A number as written, without characters that are not dialled: full-width digits become plain, invisible
 * characters are removed.
 */
export function cleanPhone(text: string): string {
  return foldText(text).replace(/^tel:/, "").trim();
}

/**
 * Whether a text is a telephone number: 5 digits or more, with punctuation between them and an optional
 * extension.
 */
export function isPhone(text: string): boolean {
  const base = text.replace(EXTENSION, "");
  return /^\+?[\d\s()./-]+$/.test(base) && (base.match(/\d/g) ?? []).length >= 5 && text.length <= 40;
}

/**
 * Parses a number for a country (its English name or two letters), unless it begins with + or 00. Extensions
 * do not count.
 */
export function readPhone(phone: string, country: string | null): PhoneKeys {
  const base = cleanPhone(phone).replace(EXTENSION, "");
  const defaultCountry = findCountry(country);
  const parsed = parsePhoneNumberFromString(base.replace(/^00/, "+"), {
    ...(defaultCountry && { defaultCountry }),
    extract: false,
  });
  const dialled = base.replace(TRUNK, "").replace(/\D/g, "");
  const national = (parsed?.nationalNumber ?? dialled).replace(/^0+/, "");
  return {
    e164: parsed?.number ?? null,
    key: dialled.length >= FEWEST_DIGITS && national.length > 0 ? national.slice(-KEY_LENGTH) : null,
    digits: parsed?.number.slice(1) ?? dialled.replace(/^0+/, ""),
  };
}

/** All suffixes of the digits that are long enough to search, joined with spaces. */
export function listPhoneEnds(digits: string): string {
  const ends = Array.from({ length: Math.max(0, digits.length - FEWEST_DIGITS + 1) }, (_, at) =>
    digits.slice(at),
  );
  return ends.join(" ");
}

/** The parts of a telephone number query to search for; empty for any other query. */
export function listPhoneParts(query: string): string[] {
  const text = cleanPhone(query);
  if (!/^\+?[\d\s()./x#-]+$|ext/.test(text) || !isPhone(text)) return [];
  const { digits, e164, key } = readPhone(text, null);
  const parts = [digits, ...(e164 === null || key === null ? [] : [key])];
  return [...new Set(parts)].filter(({ length }) => length >= FEWEST_DIGITS);
}

let countries: ReadonlyMap<string, CountryCode> | undefined;

function findCountry(name: string | null): CountryCode | undefined {
  if (name === null) return undefined;
  countries ??= new Map(
    getCountries().flatMap((code): [string, CountryCode][] => [
      [code.toLowerCase(), code],
      [foldText(new Intl.DisplayNames(["en"], { type: "region" }).of(code) ?? code), code],
    ]),
  );
  return countries.get(foldText(name).trim());
}
