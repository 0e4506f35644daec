import { byPattern, type Detector } from "./finding.ts";

const LOCAL_PART = /[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]/u;
const MOST_LOCAL = 64;
/** RFC 1035 labels up to a top-level domain of letters, from the current position. */
const DOMAIN = /(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}[\p{L}]{2,24}(?![\p{L}\p{N}_-])/uy;

/** Text after an @ in package versions and image names: `next@15.1.0-rc.one`, `logo@2x.png`. */
const NOT_DOMAINS = /^\d+\.\d+\.|\.(?:js|ts|mjs|cjs|json|md|png|jpe?g|svg|gif|webp|css|html)$/i;

/**
 * E-mail addresses (RFC 5321 lengths, internationalised names as in RFC 6531). Searches for `@` and reads at
 * most 64 characters to its left, so any text takes linear time.
 */
const email: Detector = {
  kind: "email",
  classification: "pii",
  *find(text) {
    for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
      let start = at;
      while (start > 0 && at - start < MOST_LOCAL && LOCAL_PART.test(text.charAt(start - 1))) start -= 1;
      while (start < at && /[.'*`{|/=?&#-]/.test(text.charAt(start))) start += 1;
      if (start === at || text.charAt(at - 1) === ".") continue;
      DOMAIN.lastIndex = at + 1;
      const domain = DOMAIN.exec(text)?.[0];
      if (domain !== undefined && !NOT_DOMAINS.test(domain)) yield [start, at + 1 + domain.length];
    }
  },
};

/** Words that announce a telephone number. */
const TELEPHONE =
  /(?:phone|tel|mobil|cell|fax|call|dial|ring|whatsapp|sms|móvil|téléphone|handy|ruf)[\p{L}]{0,10}[^\p{L}\d]{0,4}(?:(?:me|us|him|her|them|at|on|is|no|nr|number|nummer)[^\p{L}\d]{1,4}){0,3}$/iu;

/**
 * Numbers in international form (E.164: at most 15 digits after the plus), with the separators people use.
 */
const international = byPattern(
  "phone",
  "pii",
  /(?<![\w•+.-])\+[1-9](?:[ ./()-]{0,2}\d){6,14}(?![\w]|[.-]\d)/,
  ({ compact }) => compact.length >= 9,
);

/** North American numbers (NANP: area and exchange begin with 2 to 9). */
const northAmerican = byPattern(
  "phone",
  "pii",
  /(?<![\w•+.-]|[\w]\()(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\w-]|\.\d)/,
  ({ text }) => !/^\d+ \d+ \d+$/.test(text),
);

/** Numbers with the trunk prefix 0, in at least two groups, as most of Europe and Asia writes them. */
const national = byPattern(
  "phone",
  "pii",
  /(?<![\w•+.,:/-])\(?0[1-9]\d{0,4}\)?(?:[ /-]{1,2}\d{2,8}){1,4}(?![\w:/-]|[.,]\d)/,
  ({ compact, text, before }) =>
    compact.length >= 9 &&
    compact.length <= 12 &&
    (!/^\d{2}-\d{2}-\d{4}/.test(text) || TELEPHONE.test(before)),
);

/** Any other run of digits after a word that announces a telephone number. */
const announced = byPattern("phone", "pii", /(?<![\w•+.-])\d(?:[ .-]?\d){6,13}(?![\w-]|\.\d)/, ({ before }) =>
  TELEPHONE.test(before),
);

/** Detectors of contact details. */
export const contactDetails: readonly Detector[] = [email, international, northAmerican, national, announced];
