import { type CountryCode, getCountries, parsePhoneNumberFromString } from "libphonenumber-js/min";
import { foldText } from "../../../shared/text/fold-text.ts";

/** What two telephone numbers are compared by. */
export interface PhoneKeys {
  /** The number with its country, `+49221555019`; `null` where the country is not known. */
  e164: string | null;
  /** Last nine digits of the national number: the same with and without the country. `null` for fewer than seven digits. */
  key: string | null;
  /** All digits, without a leading zero of the country's own: what parts are looked for in. */
  digits: string;
}

/** Fewest digits of a number that is compared, and of a part that is looked for. */
const FEWEST_DIGITS = 7;
const KEY_LENGTH = 9;
const EXTENSION = /\s*(?:;?\s*ext(?:ension|n)?\.?|x|#)\s*[=:]?\s*\d{1,7}$/i;
/** A national number's zero that is left out after the country: +49 (0)221. */
const TRUNK = /(?<=^(?:\+|00)[\d\s]*)\(0\)/;

/** A number as it is written, without what nobody dials: full-width digits and invisible characters are plain. */
export function cleanPhone(text: string): string {
  return foldText(text).replace(/^tel:/, "").trim();
}

/** Whether a text is a telephone number: 5 digits or more, with signs between them and an extension at the end. */
export function isPhone(text: string): boolean {
  const base = text.replace(EXTENSION, "");
  return /^\+?[\d\s()./-]+$/.test(base) && (base.match(/\d/g) ?? []).length >= 5 && text.length <= 40;
}

/** Reads a number as one of this country, by its English name or two letters, unless it begins with + or 00. Extensions do not count. */
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

/** Every end of the digits that is long enough to be looked for, joined with spaces. */
export function listPhoneEnds(digits: string): string {
  const ends = Array.from({ length: Math.max(0, digits.length - FEWEST_DIGITS + 1) }, (_, at) =>
    digits.slice(at),
  );
  return ends.join(" ");
}

/** The parts that a query for a telephone number looks for; none when it is something else. */
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
