import { describe, expect, it } from "vitest";
import {
  passesBsn,
  passesCodiceFiscale,
  passesCpf,
  passesDni,
  passesIban,
  passesIdNr,
  passesLuhn,
  passesNir,
  passesVerhoeff,
} from "../../shared/redact/check-digits.ts";

/** Published examples, and one of Corsica computed by hand: a million is subtracted for 2A. */
const PUBLISHED = [
  ["a Visa test card", passesLuhn, "4111111111111111"],
  ["the Luhn example of ISO/IEC 7812-1", passesLuhn, "79927398713"],
  ["the British IBAN of the registry", passesIban, "GB29NWBK60161331926819"],
  ["the German IBAN of the registry", passesIban, "DE89370400440532013000"],
  ["a German IdNr", passesIdNr, "86095742719"],
  ["a French NIR", passesNir, "255081416802538"],
  ["a French NIR of Corsica", passesNir, "180022A00000110"],
  ["the DNI of the Spanish police", passesDni, "12345678Z"],
  ["a Spanish NIE", passesDni, "X1234567L"],
  ["an Italian codice fiscale", passesCodiceFiscale, "RSSMRA85T10A562S"],
  ["a Dutch BSN", passesBsn, "111222333"],
  ["an Aadhaar number", passesVerhoeff, "234123412346"],
  ["a Brazilian CPF", passesCpf, "11144477735"],
] as const;

describe("check digits", () => {
  it.each(PUBLISHED)("accept %s", (_name, passes, example) => {
    expect(passes(example)).toBe(true);
  });

  it.each(PUBLISHED)("refuse %s with its last digit or letter changed", (_name, passes, example) => {
    const last = example.at(-1) ?? "";
    const others = /\d/.test(last) ? "0123456789" : "ABCDEFGHJKLMNPQRSTVWXYZ";
    for (const other of others.replace(last, "")) {
      expect(passes(example.slice(0, -1) + other), other).toBe(false);
    }
  });
});
