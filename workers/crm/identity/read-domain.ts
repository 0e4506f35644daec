import { domainToUnicode } from "node:url";
import type { Reading } from "./read-email.ts";

const EXAMPLE = "Expected a web domain such as acme.example.";
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * A web domain as it is stored, from what people paste: a host name in lower case without scheme, user, `www.`, port, path
 * and final dot. An internationalised one is in Unicode, however it was written. Of an e-mail address, its domain.
 */
export function readDomain(text: string): Reading {
  const plain = text.normalize("NFKC").replace(INVISIBLE, "").trim();
  const [, scheme, rest = ""] = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/)?(.*)$/is.exec(plain) ?? [];
  // Of `acme.example:8080` the part before the colon is no scheme.
  const isScheme = scheme !== undefined && !scheme.includes(".");
  if (isScheme && !/^(?:https?|mailto)$/i.test(scheme)) return { problem: EXAMPLE };
  const [authority = ""] = (isScheme || scheme === undefined ? rest : plain).split(/[/?#]/);
  const host = authority.replace(/^.*@/s, "").replace(/:\d*$/, "");
  const domain = readHost(host);
  return domain === undefined ? { problem: EXAMPLE } : { value: domain.replace(/^www\.(?=.*\.)/, "") };
}

/** The canonical form of a host name with a dot in it, in Unicode; `undefined` for anything else, addresses of machines too. */
export function readHost(host: string): string | undefined {
  if (!/^[^\s/\\?#@:%<>"|^`{}[\]]{1,253}$/u.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  const ascii = new URL(`http://${host}`).hostname.replace(/\.$/, "");
  const labels = ascii.split(".");
  const wellFormed = labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  if (labels.length < 2 || !wellFormed || /^\d+$/.test(labels.at(-1) ?? "")) return undefined;
  return domainToUnicode(ascii) || ascii;
}
