import os from "node:os";
import type { ConnectionEntry, ConnectionsDocument } from "../../shared/connections/entry.ts";
import {
  describeSource,
  hasSecret,
  nameSource,
  secretSourceOf,
} from "../../shared/connections/secret-source.ts";
import type {
  ConnectionFailure,
  ConnectionReport,
  ConnectionState,
  ConnectionTrust,
} from "../../shared/objects/connection-gate.ts";
import { findNearMisses } from "../../shared/text/near-misses.ts";
import { CommandFailure } from "../local/failure.ts";
import { askWorker, type WorkerPlace } from "./ask-worker.ts";
import { locateSentences } from "./files.ts";
import { readSecret } from "./read-secret.ts";
import { suggestAccount } from "./suggest-account.ts";

/** Result of a test of one connection. */
export type TestAnswer = (
  | { ok: true; report: ConnectionReport }
  | { ok: false; failure: ConnectionFailure }
) & {
  /** What the other side has to trust, if it gives tokens for assertions of Gatehouse. */
  trust?: ConnectionTrust;
};

/**
 * Tests an entry with the password of the vault, or with a given one.
 *
 * @param person - whose token is used, for a connection with tokens of persons
 */
export function testConnection(
  connection: string,
  entry: ConnectionEntry,
  place: WorkerPlace,
  { secret = null, person }: { secret?: string | null; person?: string | undefined } = {},
): Promise<TestAnswer> {
  const new_address = place.newAddress ?? false;
  return askWorker<TestAnswer>(place, {
    command: "test",
    connection,
    entry,
    secret,
    new_address,
    ...(person !== undefined && { person }),
  });
}

/** What keeps a connection from being published, one sentence each. */
export function findObstacles(entry: ConnectionEntry, answer: TestAnswer): string[] {
  // An account of a person is connected once the connection is published.
  if (!answer.ok && answer.failure.code === "account_needed") return [];
  if (!answer.ok) return [`${answer.failure.message} ${answer.failure.action ?? ""}`.trim()];
  const blocking = answer.report.excess.filter(({ blocking: isBlocking }) => isBlocking);
  const names = blocking.slice(0, 3).map(({ what }) => what);
  const more = blocking.length > names.length ? `, and ${blocking.length - names.length} more` : "";
  return [
    // An MCP server offers what it offers: what has no place is left out, and the review shows it.
    ...(entry.kind === "mcp" ? [] : answer.report.mistakes),
    ...(blocking.length > 0 && !isPrivileged(entry)
      ? [`The account may do more than read: ${names.join("; ")}${more}.`]
      : []),
  ];
}

/** Whether the entry accepts an account that may do more than read. */
function isPrivileged(entry: ConnectionEntry): boolean {
  return "allow_privileged_role" in entry && entry.allow_privileged_role;
}

/** Marks a connection whose entry accepts an account that may do more than read; nothing for others. In red. */
export function markPrivileged(entry: ConnectionEntry): string {
  return isPrivileged(entry) ? PRIVILEGED : "";
}

const PRIVILEGED = "  \u001b[31mPRIVILEGED ROLE\u001b[0m";

/** Tests one connection or all of them; prints a line each. Throws if one has an obstacle. */
export async function testAll(
  { connections }: ConnectionsDocument,
  name: string | undefined,
  { file, person }: { file: string; person?: string | undefined },
  place: WorkerPlace,
): Promise<void> {
  const chosen =
    name === undefined ? Object.entries(connections) : [[name, findEntry(connections, name)] as const];
  if (chosen.length === 0) console.log("The file has no connections.");
  let failed = 0;
  for (const [connection, entry] of chosen) {
    const answer = await testConnection(connection, entry, place, { person });
    const obstacles = findObstacles(entry, answer);
    if (obstacles.length > 0) failed += 1;
    const mark = markPrivileged(entry);
    console.log(
      obstacles.length === 0 ? `✓ ${connection}: ${summarize(answer)}${mark}` : `✗ ${connection}${mark}`,
    );
    if (hasSecret(entry)) console.log(`    ${saySource(connection, entry)}`);
    for (const obstacle of await locateSentences(obstacles, connection, file, place))
      console.log(`    ${obstacle}`);
  }
  if (failed > 0) {
    throw new CommandFailure(
      `${failed} of ${chosen.length} connections cannot be published like this.`,
      "For an account that only reads: npm run connections -- doctor <name>",
    );
  }
}

/** Shows what the account of a connection may do, and how to make one that only reads. */
export async function doctor(
  { connections }: ConnectionsDocument,
  name: string,
  { file, person }: { file: string; person?: string | undefined },
  place: WorkerPlace,
): Promise<void> {
  const entry = findEntry(connections, name);
  const answer = await testConnection(name, entry, place, { person });
  if (answer.trust) console.log(showTrust(name, answer.trust));
  if (!answer.ok && answer.trust && answer.failure.code === "account_needed")
    return console.log(
      `\nTo exchange a token: npm run connections -- doctor ${name} --person <e-mail address>`,
    );
  if (!answer.ok)
    throw new CommandFailure(
      answer.failure.message,
      answer.failure.action ?? "Check address, user and password.",
    );
  console.log(`${name}: ${summarize(answer)}${markPrivileged(entry)}`);
  if (hasSecret(entry)) console.log(saySource(name, entry));
  const { excess, mistakes, proposals } = answer.report;
  for (const mistake of await locateSentences(mistakes, name, file, place)) console.log(`✗ ${mistake}`);
  if (excess.length === 0) console.log("✓ The account only reads.");
  for (const { what, remedy, blocking } of excess)
    console.log(`${blocking ? "✗" : "!"} It may ${what}.\n    ${remedy}`);
  const open = Object.entries(proposals);
  if (open.length > 0) {
    console.log(
      `\nColumns and fields without a class that look sensitive; they count as ${entry.data_class}:`,
    );
    for (const [column, proposed] of open) console.log(`    ${column}: ${proposed}`);
  }
  console.log(`\nAn account that only reads:\n${suggestAccount(entry)}`);
}

/** Sets or removes the password of a connection. */
export async function changeSecret(
  { connections }: ConnectionsDocument,
  name: string,
  { isRemoved, expires }: { isRemoved: boolean; expires: string | undefined },
  place: WorkerPlace,
): Promise<void> {
  const expiresAt = readExpiry(expires);
  if (!/^[a-z][a-z0-9-]{0,47}$/.test(name))
    throw new CommandFailure(
      `"${name}" is no name of a connection or secret.`,
      "Use lower-case letters, digits and hyphens.",
    );
  const source = secretSourceOf(name, connections[name] ?? {});
  if (!("vault" in source))
    throw new CommandFailure(
      `The secret of ${name} is in Cloudflare Secrets Store, behind the binding ${source.secrets_store}; the vault is not asked for it.`,
      "Change it there: npx wrangler secrets-store secret update <store> --secret-id <id> --remote",
    );
  const secretName = source.vault;
  const users = Object.entries(connections).filter(
    ([own, entry]) => nameSource(secretSourceOf(own, entry)) === secretName,
  );
  const secret = isRemoved ? null : await readSecret(`Password of ${name}: `);
  await storeSecret(
    place,
    secretName,
    secret,
    users.length > 0 ? users.map(([own]) => own) : [name],
    expiresAt,
  );
  console.log(
    isRemoved ? `✓ The password ${secretName} is removed.` : `✓ The password ${secretName} is set.`,
  );
}

/** A day such as 2027-01-31, at whose beginning (UTC) the other system ends a secret. */
function readExpiry(text: string | undefined): number | null {
  if (text === undefined) return null;
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new CommandFailure("--expires is a day such as 2027-01-31.", "See: npm run connections -- --help");
}

/** Stores a password in the vault; `null` removes it. Sockets of the named connections are closed. */
export async function storeSecret(
  place: WorkerPlace,
  name: string,
  secret: string | null,
  connections: readonly string[],
  expiresAt: number | null = null,
): Promise<void> {
  const by = `npm run connections (${os.userInfo().username})`;
  await askWorker(place, { command: "secret", name, connections, secret, expires_at: expiresAt, by });
}

interface StateLine {
  name: string;
  kind: string;
  title: string;
  owner: string;
  allow_privileged_role: boolean;
  /** Where its secret comes from; `null` if it has none. */
  secret: string | null;
  objects: ConnectionState[];
}

/** Prints the state of each published connection. */
export async function showStatus(place: WorkerPlace): Promise<void> {
  const { connections } = await askWorker<{ connections: StateLine[] }>(place, { command: "status" });
  if (connections.length === 0) console.log("No connection is published.");
  for (const { name, kind, title, allow_privileged_role, secret, objects } of connections) {
    const sum = (count: (state: ConnectionState) => number) =>
      objects.reduce((total, state) => total + count(state), 0);
    const broken = objects.find(({ breaker }) => breaker !== "closed");
    const times = objects.map(({ lastMs }) => lastMs).filter((ms) => ms !== null);
    const latency = times.length === 0 ? "not used yet" : `${Math.max(...times)} ms`;
    const mark = broken ? "✗" : "✓";
    const warning = allow_privileged_role ? PRIVILEGED : "";
    console.log(
      `${mark} ${name.padEnd(16)} ${kind.padEnd(11)} ${title.padEnd(24)} ${sum(({ open }) => open)} open, ${sum(({ running }) => running)} running, ${latency}, breaker ${broken?.breaker ?? "closed"}${secret === null ? "" : `, secret from ${secret}`}${warning}`,
    );
    const last = objects
      .flatMap(({ lastFailure }) => lastFailure ?? [])
      .sort((one, other) => other.at - one.at)[0];
    if (last) console.log(`    ${new Date(last.at).toISOString().slice(0, 19)}Z  ${last.message}`);
  }
}

/** Where a connection has its secret from, for people. */
function saySource(name: string, entry: ConnectionEntry): string {
  return `Its secret comes from ${describeSource(secretSourceOf(name, entry))}.`;
}

/** The entry of a connection. Throws with the nearest name. */
export function findEntry(connections: ConnectionsDocument["connections"], name: string): ConnectionEntry {
  const entry = connections[name];
  if (entry !== undefined) return entry;
  const [nearest] = findNearMisses(name, Object.keys(connections));
  throw new CommandFailure(
    `The file has no connection "${name}".`,
    nearest === undefined
      ? `Add it: npm run connections -- add ${name} --kind postgresql`
      : `Did you mean "${nearest}"?`,
  );
}

/** One line about a connection that answered. */
export function summarize(answer: TestAnswer): string {
  if (!answer.ok) return answer.failure.message;
  const { server, ms, exposed } = answer.report;
  const objects = `, ${exposed.length} ${exposed.length === 1 ? "object" : "objects"} exposed`;
  return `${server}, ${ms < 1 ? "under 1" : ms} ms${exposed.length > 0 ? objects : ""}`;
}

/** What the other side has to be told of Gatehouse, one line each. */
export function showTrust(name: string, trust: ConnectionTrust): string {
  const rows = {
    "token endpoint": trust.token_endpoint,
    issuer: trust.issuer,
    "key set": trust.keys,
    keys: `${trust.algorithm}, ${trust.key_ids.join(", ")}`,
    audience: trust.audience,
    claims: `${trust.claims.join(", ")}; sub is the id of a user, or of an API key (key_…)`,
    "token type": trust.subject_token_type,
    client: trust.client ?? "none",
  };
  const lines = Object.entries(rows).map(([what, value]) => `    ${what.padEnd(15)} ${value}`);
  return [`What the authorization server of ${name} has to trust:`, ...lines].join("\n");
}
