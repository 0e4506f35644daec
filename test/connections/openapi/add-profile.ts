import { generateKeyPairSync } from "node:crypto";
import { askForProfile } from "../../../scripts/connections/add-http.ts";
import { compileProfile } from "../../../scripts/connections/profiles/compile-profile.ts";
import {
  listProfiles,
  loadProfile,
  type Profile,
} from "../../../scripts/connections/profiles/load-profile.ts";
import { openapiEntry } from "../../../shared/connections/kinds/openapi.ts";

/** Answers to the questions of profiles, by name. */
export const ANSWERS: Readonly<Record<string, string>> = {
  site: "acme",
  email: "ada@example.com",
  domain: "acme",
  client_id: "client-1",
  cloud_id: "00000000-0000-0000-0000-000000000000",
  user: "ada@example.com",
  host: "gitlab.example.com",
  tenant: "acme.example.com",
  instance: "acme",
  account: `AC${"0".repeat(32)}`,
  url: "https://tool.example.com",
  subdomain: "acme",
};

export const PEM = generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();

/** A key file as Google gives it, over several lines. */
export const KEY_FILE = JSON.stringify(
  { type: "service_account", private_key: PEM, client_email: "gate@project.example", private_key_id: "k1" },
  null,
  2,
);

/** The path of a profile's address. */
export function baseOf({ address }: Profile): string {
  const filled = address
    .replace(/\{(\w+)\}/g, (_whole, key: string) => ANSWERS[key] ?? "x")
    .replace(/^x/, "https://x");
  return new URL(filled).pathname.replace(/\/+$/, "");
}

/** A connection as `npm run connections -- add <name> --profile <profile> --address <double>` makes it. */
export async function addProfile(name: string, origin = `https://${name}.double.example`) {
  const profile = await loadProfile(name);
  const set = Object.keys(profile.asks).map((key) => `${key}=${ANSWERS[key]}`);
  const address = `${origin}${baseOf(profile)}`;
  const flags = { file: "connections.yaml", address, set, owner: "tests@example.com" };
  const { raw, whatSecret } = await askForProfile(name, flags, async (_question, usual) => usual ?? "");
  const entry = openapiEntry.parse(raw);
  const secret =
    entry.auth.type === "jwt_bearer" ? PEM : entry.auth.type === "headers" ? "key-one key-two" : "s3cret";
  const base = new URL(address).pathname.replace(/\/+$/, "");
  return { profile, entry, whatSecret, secret, base, operations: compileProfile(profile, entry).operations };
}

/** Names of the profiles that declare operations; those of the others come from a document of each installation. */
export async function listDeclared(): Promise<string[]> {
  const names = await listProfiles();
  const profiles = await Promise.all(names.map((name) => loadProfile(name)));
  return names.filter((_name, at) => profiles[at]?.document === undefined);
}
