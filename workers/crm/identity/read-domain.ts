import { domainToUnicode } from "node:url";
import type { Reading } from "./read-email.ts";

const EXAMPLE = "Expected a web domain such as acme.example.";
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * Normalises a pasted web domain for storage: a host name in lower case without scheme, user, `www.`, port,
 * path and final dot. An internationalised one is stored in Unicode, in whichever form it was written. Of an
 * e-mail address, its domain.
 */
export function readDomain(text: string): Reading {
  const plain = text.normalize("NFKC").replace(INVISIBLE, "").trim();
  const [, scheme, rest = ""] = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/)?(.*)$/is.exec(plain) ?? [];
  // In `acme.example:8080` the part before the colon is not a scheme.
  const isScheme = scheme !== undefined && !scheme.includes(".");
  if (isScheme && !/^(?:https?|mailto)$/i.test(scheme)) return { problem: EXAMPLE };
  const [authority = ""] = (isScheme || scheme === undefined ? rest : plain).split(/[/?#]/);
  const host = authority.replace(/^.*@/s, "").replace(/:\d*$/, "");
  const domain = readHost(host);
  return domain === undefined ? { problem: EXAMPLE } : { value: domain.replace(/^www\.(?=.*\.)/, "") };
}

/**
 * The canonical form of a host name with a dot, in Unicode; `undefined` for anything else, IP addresses too.
 */
export function readHost(host: string): string | undefined {
  if (!/^[^\s/\\?#@:%<>"|^`{}[\]]{1,253}$/u.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  const ascii = new URL(`http://${host}`).hostname.replace(/\.$/, "");
  const labels = ascii.split(".");
  const wellFormed = labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  if (labels.length < 2 || !wellFormed || /^\d+$/.test(labels.at(-1) ?? "")) return undefined;
  return domainToUnicode(ascii) || ascii;
}
