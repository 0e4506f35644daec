/**
 * Purposes that this deployment signs for. Each has its own keys. A key is replaced in two overlapping steps:
 * add the new one, which signs from then on; remove the old one when nothing that it signed is in use.
 */
export const KEY_NAMES = [
  "BETTER_AUTH_SECRET",
  "SESSION_SEAL_KEY",
  "REQUEST_STATE_KEY",
  "APPROVAL_LINK_KEY",
  "AUDIT_SIGNING_KEY",
  "CONNECTION_SECRETS_KEY",
  "ISSUER_SIGNING_KEY",
] as const;

/** Name of a purpose: the Worker secret that holds its first key. */
export type KeyName = (typeof KEY_NAMES)[number];

/** One key. The secret is text; its UTF-8 bytes are the key. */
export interface Key {
  version: number;
  secret: string;
}

/** The keys of one purpose: the first signs, all verify. */
export type Keyring = readonly [Key, ...Key[]];

/** A fault of a purpose's keys. Contains no part of a key. */
export interface KeyringProblem {
  /** The Worker secret to set again. */
  secretName: string;
  /** A clause that follows the secret's name: `is missing`. */
  text: string;
}

/** Minimum length of a key in characters: 32 characters of base64 are 192 bits. */
const KEY_LENGTH = 32;
const ENTRY = /^(?:([1-9]\d{0,5}):)?([\x21-\x2b\x2d-\x39\x3b-\x7e]+)$/;

const opened = new WeakMap<object, Map<KeyName, Keyring>>();

/**
 * The keys of a purpose, read once per environment object. They come from the secret `NAME` and, after
 * rotations, from `NAME_2`, `NAME_3` …, highest number first: a platform's secrets cannot be read back, so
 * adding a key must not need the text of the old one. See {@link parseKeys} for the format of one secret.
 * Throws if they are invalid; the message names the secret and does not quote it.
 */
export function openKeyring(env: object, name: KeyName): Keyring {
  let keyrings = opened.get(env);
  if (keyrings === undefined) {
    keyrings = new Map();
    opened.set(env, keyrings);
  }
  let keyring = keyrings.get(name);
  if (keyring === undefined) {
    const read = readKeyring({ ...env }, name);
    if ("text" in read) throw new TypeError(`Secret ${read.secretName} ${read.text}.`);
    keyring = read;
    keyrings.set(name, keyring);
  }
  return keyring;
}

/** The keys of a purpose, or what is wrong with them. */
export function readKeyring(
  variables: Readonly<Record<string, unknown>>,
  name: KeyName,
): Keyring | KeyringProblem {
  const secretNames = Object.keys(variables)
    .filter((secretName) => readKeyVersion(name, secretName) !== null && isSet(variables[secretName]))
    .sort((a, b) => Number(readKeyVersion(name, b)) - Number(readKeyVersion(name, a)));
  const keys: Key[] = [];
  for (const secretName of secretNames) {
    const parsed = parseKeys(variables[secretName], readKeyVersion(name, secretName) ?? 1);
    if (typeof parsed === "string") return { secretName, text: parsed };
    const taken = parsed.find(({ version }) => keys.some((key) => key.version === version));
    if (taken) return { secretName, text: `holds version ${taken.version}, which another secret holds too` };
    keys.push(...parsed);
  }
  const [first, ...others] = keys;
  return first ? [first, ...others] : { secretName: name, text: "is missing" };
}

/**
 * Parses one secret: a single key, which then has the version `bare`, or several with their versions, such as
 * `2:<key>,1:<key>`. A key is 32 or more printable ASCII characters without spaces, commas and colons, such
 * as base64. Returns a fault as a clause: `is malformed: …`.
 */
export function parseKeys(text: unknown, bare = 1): Key[] | string {
  if (typeof text !== "string") return "is not a text";
  const entries = text.split(",").map((entry) => ENTRY.exec(entry.trim()));
  const keys: Key[] = [];
  for (const entry of entries) {
    const [, version, secret] = entry ?? [];
    if (secret === undefined || (version === undefined && entries.length > 1)) {
      return "is malformed: it must be one key, or keys with versions such as 2:<key>,1:<key>, in printable characters without spaces";
    }
    if (secret.length < KEY_LENGTH) return `has a key shorter than ${KEY_LENGTH} characters`;
    const key = { version: version === undefined ? bare : Number(version), secret };
    if (keys.some((other) => other.version === key.version)) return `names version ${key.version} twice`;
    keys.push(key);
  }
  return keys;
}

/** The version in a secret's name: 1 for `NAME`, 2 for `NAME_2`; `null` for another purpose's secret. */
export function readKeyVersion(name: string, secretName: string): number | null {
  if (secretName === name) return 1;
  const [, version] = /^_([2-9]|[1-9]\d{1,5})$/.exec(secretName.slice(name.length)) ?? [];
  return secretName.startsWith(name) && version !== undefined ? Number(version) : null;
}

/** An empty variable counts as unset, as in wrangler. */
function isSet(value: unknown): boolean {
  return value !== undefined && value !== "";
}
