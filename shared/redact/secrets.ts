import { KEY_PATTERN, SERVICE_TOKEN_PATTERN } from "../call/key-pattern.ts";
import { byPattern, type Detector } from "./finding.ts";

/** Tokens with a documented prefix of their issuer. */
const ISSUED = [
  KEY_PATTERN, // our own
  SERVICE_TOKEN_PATTERN,
  "(?:AKIA|ASIA)[0-9A-Z]{16}", // AWS access keys
  "gh[oprsu]_[A-Za-z0-9]{36,255}", // GitHub
  "github_pat_[A-Za-z0-9_]{40,255}",
  "glpat-[\\w-]{20,64}", // GitLab
  "xox[abeprs]-[A-Za-z0-9-]{20,255}", // Slack
  "[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}", // Stripe
  "whsec_[A-Za-z0-9+/=]{24,255}",
  "sk-(?:ant|proj|svcacct|or)-[\\w-]{20,255}", // model vendors
  "sk-[A-Za-z0-9]{32,64}",
  "AIza[\\w-]{35}", // Google
  "ya29\\.[\\w-]{20,255}",
  "npm_[A-Za-z0-9]{36}",
  "pypi-[\\w-]{50,255}",
  "SG\\.[\\w-]{22}\\.[\\w-]{43}", // SendGrid
  "shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}", // Shopify
  "do[opr]_v1_[a-f0-9]{64}", // DigitalOcean
  "hf_[A-Za-z0-9]{30,64}",
  "AGE-SECRET-KEY-1[0-9A-Z]{58}",
];

const token = byPattern(
  "token",
  "secret",
  new RegExp(`(?<![A-Za-z0-9•])(?:${ISSUED.join("|")})(?![A-Za-z0-9])`),
);

/** JSON Web Tokens (RFC 7519) in compact form: both header and claims begin with `{"`. */
const jwt = byPattern(
  "jwt",
  "secret",
  /(?<![\w•.-])eyJ[\w-]{8,2000}\.eyJ[\w-]{8,8000}\.[\w-]{16,2000}(?![\w-])/,
);

/** A password inside a URL (RFC 3986 §3.2.1). */
const urlPassword = byPattern(
  "url_password",
  "secret",
  /(?<=:\/\/)[^\s:@/•]{1,64}:(?<value>[^\s:@/•]{3,200})(?=@[\w.-])/,
  ({ text }) => !isPlaceholder(text),
);

const BEGIN = "-----BEGIN ";
const KEY_LABEL = /^-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/;

/** Private keys in PEM (RFC 7468) and OpenPGP armour; one without an end extends to the end of the text. */
const privateKey: Detector = {
  kind: "private_key",
  classification: "secret",
  *find(text) {
    let at = text.indexOf(BEGIN);
    while (at !== -1) {
      const label = KEY_LABEL.exec(text.slice(at, at + 80))?.[0];
      if (label === undefined) {
        at = text.indexOf(BEGIN, at + BEGIN.length);
        continue;
      }
      const closing = label.replace("BEGIN", "END");
      const found = text.indexOf(closing, at);
      const end = found === -1 ? text.length : found + closing.length;
      yield [at, end];
      at = text.indexOf(BEGIN, end);
    }
  },
};

const NAMES =
  "api[_ -]?key|apikey|access[_ -]?key|secret[_ -]?key|private[_ -]?key|client[_ -]?secret|secret|token|" +
  "password|passwd|passphrase|passwort|kennwort|pwd|authorization";

/** A random-looking value after a word for a key or password. */
const credential = byPattern(
  "credential",
  "secret",
  new RegExp(
    `(?<![A-Za-z•])(?:[A-Za-z0-9]{1,20}[_-]){0,3}(?:${NAMES})["'\`]?(?: {0,2}(?::|=>|=|\\bis\\b) {0,2})["'\`]?` +
      "(?:(?:Bearer|Basic) )?(?<value>[^\\s\"'`<>(){}\\[\\],;&•]{8,512})",
    "i",
  ),
  ({ text }) => looksRandom(text),
);

/** RFC 6750 §2.1, anywhere in the text. */
const bearer = byPattern(
  "credential",
  "secret",
  /(?<![A-Za-z•])Bearer (?<value>[\w.~+/-]{16,2000}={0,2})/i,
  ({ text }) => looksRandom(text),
);

/** Letters and digits mixed with few repetitions: above three bits per character, unlike words and names. */
function looksRandom(text: string): boolean {
  if (!/\d/.test(text) || !/[A-Za-z]/.test(text) || isPlaceholder(text)) return false;
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  // Eight different characters hold at most three bits each.
  return bits >= (text.length < 16 ? 2.7 : 3);
}

function isPlaceholder(text: string): boolean {
  return /your|example|placeholder|changeme|xxxx|\.\.\.|process\.env|import\.meta|\$\{?[A-Z_]|^\*+$|^https?:|^[a-z]+(?:[._-][a-z]+)*$/i.test(
    text,
  );
}

/** Detectors of credentials, which are hidden from every role. */
export const secrets: readonly Detector[] = [privateKey, jwt, token, urlPassword, credential, bearer];
