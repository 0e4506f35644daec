import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import readline from "node:readline/promises";
import { Document, isMap, parseDocument, stringify } from "yaml";
import {
  type ConnectionEntry,
  connectionName,
  isExchanged,
  isPersonal,
  isReviewed,
} from "../../shared/connections/entry.ts";
import { hasSecret, secretSourceOf } from "../../shared/connections/secret-source.ts";
import { CommandFailure } from "../local/failure.ts";
import { ROOT } from "../local/root.ts";
import { ADDRESS } from "../platform/place.ts";
import { type Ask, askForDocument, askForProfile } from "./add-http.ts";
import { askForSystem } from "./add-system.ts";
import type { WorkerPlace } from "./ask-worker.ts";
import {
  findObstacles,
  markPrivileged,
  showTrust,
  storeSecret,
  summarize,
  testConnection,
} from "./commands.ts";
import { CONNECTION_FILES, loadWanted, readConnections } from "./files.ts";
import { suggestPolicy } from "./publish.ts";
import { readSecret } from "./read-secret.ts";
import { suggestAccount } from "./suggest-account.ts";

/** Flags of `add`. What is missing is asked for. */
export interface AddFlags {
  file: string;
  kind?: string | undefined;
  host?: string | undefined;
  port?: string | undefined;
  database?: string | undefined;
  service?: string | undefined;
  user?: string | undefined;
  tls?: string | undefined;
  tables?: string | undefined;
  prefixes?: string | undefined;
  expose?: string | undefined;
  title?: string | undefined;
  description?: string | undefined;
  owner?: string | undefined;
  hyperdrive?: string | undefined;
  "secrets-store"?: string | undefined;
  "allow-privileged-role"?: boolean | undefined;
  profile?: string | undefined;
  document?: string | undefined;
  address?: string | undefined;
  "web-address"?: string | undefined;
  auth?: string | undefined;
  set?: readonly string[] | undefined;
  "token-endpoint"?: string | undefined;
  issuer?: string | undefined;
  audience?: string | undefined;
  "client-id"?: string | undefined;
}

/** Options of the other system's and of Gatehouse's place, which `add` uses for every kind. */
export const REACH = { ...ADDRESS, "new-address": { type: "boolean", default: false } } as const;

/** Asks for an entry, tests it, writes it to the file, and stores the password. Nothing is published. */
export async function add(name: string, flags: AddFlags, place: WorkerPlace): Promise<void> {
  const valid = connectionName.safeParse(name);
  if (!valid.success)
    throw new CommandFailure(`"${name}" ${valid.error.issues[0]?.message}.`, "Choose another name.");
  const { connections } = await loadWanted(flags.file, place);
  if (connections[name] !== undefined) {
    throw new CommandFailure(
      `There is a connection "${name}" already.`,
      `Choose another name, or change it in ${flags.file}.`,
    );
  }
  const asked = await askForEntry(name, flags);
  const { whatSecret } = asked;
  const store = flags["secrets-store"];
  const raw = {
    ...asked.raw,
    ...(store !== undefined && { secret: { secrets_store: store } }),
    ...(flags["allow-privileged-role"] === true && { allow_privileged_role: true }),
  };
  const { value, mistakes } = readConnections("answers", stringify({ connections: { [name]: raw } }));
  const entry = value?.connections[name];
  if (entry === undefined) {
    const [mistake] = mistakes;
    const field = mistake?.field.replace(`connections.${name}.`, "");
    throw new CommandFailure(`${field}: ${mistake?.message}.`, "Give another value. Nothing was written.");
  }
  if (store !== undefined && !hasSecret(entry))
    throw new CommandFailure(
      "--secrets-store has no place in this connection: it has no secret.",
      "Leave it out. Nothing was written.",
    );
  const secret =
    hasSecret(entry) && "vault" in secretSourceOf(name, entry) ? await readSecret(`${whatSecret}: `) : null;
  const answer = await testConnection(name, entry, place, { secret });
  const isAwaited = isPersonal(entry) || isExchanged(entry);
  const awaitsPersons = !answer.ok && answer.failure.code === "account_needed" && isAwaited;
  if (!answer.ok && !awaitsPersons) {
    const { message, action } = answer.failure;
    // Who adds a connection is its owner.
    const advice =
      action === undefined || action.startsWith("Ask its owner") ? `Check ${whatToCheck(entry)}.` : action;
    throw new CommandFailure(message, `${advice} Nothing was written.`);
  }
  const [obstacle, ...others] = answer.ok ? findObstacles(entry, answer) : [];
  if (obstacle !== undefined) throw refuse(name, entry, [obstacle, ...others]);
  console.log(
    answer.ok
      ? `✓ ${name}: ${summarize(answer)}${markPrivileged(entry)}`
      : isExchanged(entry)
        ? `✓ ${name}: a token is exchanged for each person.`
        : `✓ ${name}: each person connects an account at /connections once it is published.`,
  );
  if (answer.trust) console.log(showTrust(name, answer.trust));
  if (awaitsPersons && isPersonal(entry) && entry.kind === "openapi")
    console.log(`  Redirect address of the OAuth app: <PUBLIC_URL>/connections/${name}/callback`);
  const proposals = answer.ok ? answer.report.proposals : {};
  const written = Object.keys(proposals).length > 0 ? { ...raw, [classesField(entry)]: proposals } : raw;
  if (secret !== null) await storeSecret(place, name, secret, [name]);
  await writeEntry(flags.file, name, written);
  console.log(
    `✓ Wrote ${name} to ${flags.file}${secret === null ? "." : ", and its password to the vault."}`,
  );
  for (const [column, proposed] of Object.entries(proposals))
    console.log(`  ${column} looks like ${proposed}`);
  const person = isExchanged(entry) ? " --person you@example.com" : "";
  const next = isReviewed(entry) ? `review ${name}${person}` : `publish --note "Add ${name}"`;
  console.log(`  Next: npm run connections -- ${next}`);
  console.log(`\n${suggestPolicy(name)}`);
}

/** What keeps an entry from being published keeps it from the file: a person who adds it can answer differently at once. */
function refuse(name: string, entry: ConnectionEntry, obstacles: readonly string[]): CommandFailure {
  const account = obstacles.some((one) => one.startsWith("The account may do more"))
    ? `An account that only reads:\n${suggestAccount(entry)}\n  `
    : "";
  return new CommandFailure(
    obstacles.map((one) => `${name}: ${one}`).join("\n  "),
    `${account}Nothing was written.`,
  );
}

function whatToCheck({ reach }: ConnectionEntry): string {
  if ("service" in reach) return "service, user and password";
  return "database" in reach ? "database, user and password" : "address and secret";
}

/** Where an entry classifies its columns or fields. */
function classesField(entry: ConnectionEntry): "classes" | "columns" {
  return "classes" in entry ? "classes" : "columns";
}

/** What was asked, and what the secret is called. */
interface AskedEntry {
  raw: Record<string, unknown>;
  whatSecret: string;
}

/** Asks for an entry. Throws for a flag that its kind does not use. */
export async function askForEntry(name: string, given: AddFlags): Promise<AskedEntry> {
  const ask = openQuestions();
  const { flags, listUnread } = noteReads(given);
  try {
    const asked = await askForKind(name, flags, ask);
    const [unread] = listUnread();
    if (unread === undefined) return asked;
    throw new CommandFailure(
      `--${unread} has no place in this connection.`,
      "Leave it out. Nothing was written.",
    );
  } finally {
    ask.end();
  }
}

async function askForKind(name: string, flags: AddFlags, ask: Ask): Promise<AskedEntry> {
  const { kind, profile, document } = flags;
  if (kind !== undefined && kind !== "openapi" && (profile ?? document) !== undefined) {
    const other = profile === undefined ? "document" : "profile";
    throw new CommandFailure(
      `--${other} is for HTTP APIs, and not for --kind ${kind}.`,
      "Leave one of them out.",
    );
  }
  if (profile !== undefined) return await askForProfile(profile, flags, ask);
  if (kind === "openapi" || document !== undefined) return await askForDocument(name, flags, ask);
  return { raw: await askForSystem(name, flags, ask), whatSecret: `Password of ${name}` };
}

/** Flags that note which of them are read: a kind reads those that it can use, and the others would be ignored. */
function noteReads(given: AddFlags): { flags: AddFlags; listUnread: () => string[] } {
  // Both are read before.
  const read = new Set<string | symbol>([
    "file",
    "secrets-store",
    "allow-privileged-role",
    ...Object.keys(REACH),
  ]);
  const flags = new Proxy(given, {
    get(target, name) {
      read.add(name);
      return Reflect.get(target, name);
    },
  });
  const listUnread = () =>
    Object.entries(given).flatMap(([name, value]) => (value === undefined || read.has(name) ? [] : [name]));
  return { flags, listUnread };
}

/** Asks on a terminal. Without one, a question without a default names the flag that is missing. */
function openQuestions() {
  const reader = process.stdin.isTTY
    ? readline.createInterface({ input: process.stdin, output: process.stderr })
    : null;
  const ask = async (question: string, usual?: string): Promise<string> => {
    if (reader === null) {
      if (usual !== undefined) return usual;
      throw new CommandFailure(
        `"${question}" has no answer.`,
        "Give it as a flag: npm run connections -- --help",
      );
    }
    const answer = (await reader.question(`${question}${usual === undefined ? "" : ` [${usual}]`}: `)).trim();
    return answer === "" ? (usual ?? "") : answer;
  };
  return Object.assign(ask, { end: () => reader?.close() });
}

/** Adds an entry and leaves the rest of the file, comments too, as it is. */
async function writeEntry(file: string, name: string, entry: Record<string, unknown>): Promise<void> {
  const place = path.resolve(ROOT, file);
  const document = existsSync(place)
    ? parseDocument(await readFile(place, "utf8"))
    : new Document({ connections: {} });
  if (!existsSync(place))
    document.commentBefore = ` yaml-language-server: $schema=./${path.basename(CONNECTION_FILES.schema)}`;
  document.setIn(["connections", name], document.createNode(entry));
  const map = document.get("connections");
  // An empty map is written as {}, and entries are easier to read below each other.
  if (isMap(map)) map.flow = false;
  await writeFile(place, document.toString({ lineWidth: 118 }));
}
