import path from "node:path";
import { CommandFailure } from "../local/failure.ts";
import { ROOT } from "../local/root.ts";
import type { AddFlags } from "./add.ts";
import { isXml, readMetadata } from "./odata/read-metadata.ts";
import { addressOfDocument } from "./openapi/address-of-document.ts";
import { parseDocument, readDocumentText } from "./openapi/read-document.ts";
import { loadProfile, withAccounts } from "./profiles/load-profile.ts";

/** Puts a question on a terminal. Without one, the usual answer counts, or the flag that is missing is named. */
export type Ask = (question: string, usual?: string) => Promise<string>;

/** An entry as it is written to the file, and what its secret is called. */
interface HttpEntry {
  raw: Record<string, unknown>;
  whatSecret: string;
}

/** Asks for what a ready-made profile lacks. */
export async function askForProfile(name: string, flags: AddFlags, ask: Ask): Promise<HttpEntry> {
  if (flags.auth !== undefined && flags.auth !== "per_person")
    throw new CommandFailure(
      "A profile has its own authentication; --auth takes per_person alone.",
      "Leave it out, or change the entry in the file.",
    );
  const profile = withAccounts(name, await loadProfile(name), flags.auth === "per_person");
  const used = JSON.stringify([profile.address, profile.auth, profile.headers, profile.check]);
  const answers = readAnswers(flags.set ?? []);
  for (const key of Object.keys(answers)) {
    if (profile.asks[key] === undefined)
      throw new CommandFailure(
        `The profile ${name} has no question "${key}".`,
        `It has: ${Object.keys(profile.asks).join(", ")}.`,
      );
  }
  for (const [key, { question, usual, pattern }] of Object.entries(profile.asks)) {
    // The other way to identify oneself may ask for more.
    if (!used.includes(`{${key}}`)) continue;
    answers[key] ??= await ask(question, usual);
    if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(answers[key]))
      throw new CommandFailure(`"${answers[key]}" does not fit: ${question}.`, `Give it with --set ${key}=…`);
  }
  const fill = <Value>(value: Value): Value => fillIn(value, answers) as Value;
  const title = flags.title ?? (await ask("Title for people", profile.title));
  const owner = flags.owner ?? (await ask("Owner (a team or an e-mail address)", "unknown"));
  const reach = {
    url: flags.address ?? fill(profile.address),
    ...(Object.keys(profile.headers).length > 0 && { headers: fill(profile.headers) }),
    ...(profile.check !== undefined && { check: fill(profile.check) }),
    ...(profile.csrf === true && { csrf: true }),
  };
  const document =
    profile.document === undefined ? undefined : (flags.document ?? (await ask(profile.document)));
  const raw = {
    kind: "openapi",
    ...(document === undefined ? { profile: name } : { document }),
    title,
    description: flags.description ?? profile.description,
    owner,
    data_class: profile.data_class,
    reach,
    auth: withAddress(fill(profile.auth), flags.address),
    ...(Object.keys(profile.classes).length > 0 && { classes: profile.classes }),
  };
  return { raw, whatSecret: profile.secret };
}

/** Asks for an API with a document of its own. */
export async function askForDocument(name: string, flags: AddFlags, ask: Ask): Promise<HttpEntry> {
  const source =
    flags.document ?? (await ask("OpenAPI document (https address, or path from the file of connections)"));
  const folder = path.resolve(ROOT, path.dirname(flags.file));
  const { title: stated, address } = describeDocument(name, source, await readDocumentText(source, folder));
  const title = flags.title ?? (await ask("Title for people", stated));
  const raw = {
    kind: "openapi",
    title,
    description: flags.description ?? (await ask("What it is, in one sentence", `The API of ${title}.`)),
    owner: flags.owner ?? (await ask("Owner (a team or an e-mail address)", "unknown")),
    document: source,
    reach: { url: flags.address ?? (await ask("Address", address)) },
    auth: await askForAuth(
      flags.auth ??
        (await ask(
          "Authentication (none, bearer, header:X-API-Key, query:key, basic:user, token_exchange)",
          "bearer",
        )),
      flags,
      ask,
    ),
  };
  return { raw, whatSecret: `Secret of ${title}` };
}

/** What a document says of itself: an OpenAPI document, or the metadata of an OData service. */
function describeDocument(
  name: string,
  source: string,
  text: string,
): { title: string; address: string | undefined } {
  if (isXml(text)) {
    const { namespace } = readMetadata(source, text);
    const address = /^https:/.test(source) ? source.replace(/\/\$metadata.*$/, "") : undefined;
    return { title: namespace.slice(0, 60) || name, address };
  }
  const document = parseDocument(source, text);
  const info = (typeof document.info === "object" && document.info !== null ? document.info : {}) as Record<
    string,
    unknown
  >;
  const title = typeof info.title === "string" ? info.title.slice(0, 60) : name;
  return { title, address: addressOfDocument(document, source) ?? undefined };
}

async function askForAuth(text: string, flags: AddFlags, ask: Ask): Promise<Record<string, string>> {
  return text === "token_exchange" ? await askForExchange(flags, ask) : readAuth(text);
}

/** What Gatehouse has to know of an authorization server that takes its assertions. An empty answer leaves a field out. */
export async function askForExchange(flags: AddFlags, ask: Ask): Promise<Record<string, string>> {
  const given = {
    token_endpoint:
      flags["token-endpoint"] ?? (await ask("Token endpoint of its authorization server (https)")),
    issuer: flags.issuer ?? (await ask("Its issuer (empty: the token endpoint)", "")),
    audience: flags.audience ?? (await ask("Audience, as it calls this system (empty: none)", "")),
    client_id: flags["client-id"] ?? (await ask("Client id of Gatehouse there (empty: none)", "")),
  };
  const set = Object.entries(given).filter(([, value]) => value !== "");
  return { type: "token_exchange", ...Object.fromEntries(set) };
}

/** The short forms of `--auth`; the others are written to the file by hand. */
export function readAuth(text: string): Record<string, string> {
  const [type = "", ...rest] = text.split(":");
  const value = rest.join(":");
  if (type === "none" || type === "bearer") return { type };
  if (type === "header" || type === "query") return { type, name: value };
  if (type === "basic") return { type, user: value };
  throw new CommandFailure(
    `"${text}" is no short form of an authentication.`,
    "Give none, bearer, header:X-API-Key, query:key or basic:user; others are written to the file.",
  );
}

function readAnswers(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf("=");
      if (at < 1)
        throw new CommandFailure(
          `--set takes name=value, and not "${text}".`,
          "See: npm run connections -- --help",
        );
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

function fillIn(value: unknown, answers: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string")
    return value.replace(/\{([a-z_]+)\}/g, (whole, name: string) => answers[name] ?? whole);
  if (Array.isArray(value)) return value.map((inner) => fillIn(inner, answers));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fillIn(inner, answers)]));
}

const ENDPOINTS = ["token_url", "authorization_endpoint", "token_endpoint", "revocation_endpoint"];

/** A stand-in for the other system stands in for its authorization server too. */
function withAddress(auth: Record<string, unknown>, address: string | undefined): Record<string, unknown> {
  if (address === undefined) return auth;
  const moved = ENDPOINTS.flatMap((name) => {
    const given = auth[name];
    return typeof given === "string" ? [[name, new URL(new URL(given).pathname, address).href]] : [];
  });
  return { ...auth, ...Object.fromEntries(moved) };
}
