import {
  passesBsn,
  passesCodiceFiscale,
  passesCpf,
  passesDni,
  passesIdNr,
  passesNir,
  passesVerhoeff,
} from "./check-digits.ts";
import { byPattern, type Detector } from "./finding.ts";

/**
 * National ids. Those with a distinctive form and check digit are found without context; a bare run of
 * digits, of which every tenth passes its check, needs a word before it that names it.
 */
export const nationalIds: readonly Detector[] = [
  // SSA, «Social Security Number Randomization»: areas 000, 666, 9xx, group 00 and serial 0000 are never
  // issued.
  byPattern(
    "us_ssn",
    "pii",
    /(?<![\w•.-])(?!000|666|9)\d{3}(?<separator>[ -]?)(?!00)\d{2}\k<separator>(?!0000)\d{4}(?![\w-]|\.\d)/,
    ({ text, before }) => text.includes("-") || /(?:\bssn|social security)[^\d]{0,24}$/i.test(before),
  ),
  // HMRC, NIM39110: unused letters and prefixes are excluded.
  byPattern(
    "uk_nino",
    "pii",
    /(?<![\w•-])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?![\w-])/,
  ),
  byPattern(
    "de_tax_id",
    "pii",
    /(?<![\w•.-])[1-9]\d(?<separator>[ ]?)\d{3}\k<separator>\d{3}\k<separator>\d{3}(?![\w-]|\.\d)/,
    ({ compact, before }) =>
      passesIdNr(compact) &&
      /(?:steuer|idnr|id-nr|identifikationsnummer|tax id|\btin\b)[^\d]{0,24}$/i.test(before),
  ),
  byPattern(
    "fr_nir",
    "pii",
    /(?<![\w•.-])[1-478] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-4]\d|[5-9]\d) ?(?:\d{2}|2[ABab]) ?\d{3} ?\d{3} ?\d{2}(?![\w-]|\.\d)/,
    ({ compact }) => passesNir(compact),
  ),
  byPattern("es_dni", "pii", /(?<![\w•.-])(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z](?![\w-])/, ({ compact }) =>
    passesDni(compact),
  ),
  // Digits may be written as letters if two people would have the same code (omocodia).
  byPattern(
    "it_codice_fiscale",
    "pii",
    /(?<![\w•-])[A-Z]{6}[\dLMNP-V]{2}[A-EHLMPRST][\dLMNP-V]{2}[A-Z][\dLMNP-V]{3}[A-Z](?![\w-])/i,
    ({ compact }) => passesCodiceFiscale(compact),
  ),
  byPattern(
    "nl_bsn",
    "pii",
    /(?<![\w•.-])\d{9}(?![\w-]|\.\d)/,
    ({ compact, before }) => passesBsn(compact) && /(?:\bbsn|burgerservice|sofi)[^\d]{0,24}$/i.test(before),
  ),
  byPattern(
    "in_aadhaar",
    "pii",
    /(?<![\w•.-])[2-9]\d{3}(?<separator>[ -]?)\d{4}\k<separator>\d{4}(?![\w-]|[ .]\d)/,
    ({ compact, text, before }) =>
      passesVerhoeff(compact) && (text.length > 12 || /(?:aadhaar|aadhar|uidai)[^\d]{0,24}$/i.test(before)),
  ),
  byPattern(
    "br_cpf",
    "pii",
    /(?<![\w•.-])(?:\d{3}\.\d{3}\.\d{3}-\d{2}|\d{11})(?![\w-]|\.\d)/,
    ({ compact, text, before }) =>
      passesCpf(compact) && (text.includes("-") || /\bcpf[^\d]{0,24}$/i.test(before)),
  ),
];
