import { openKeyring } from "../../shared/auth/keyring.ts";
import { openSealedText, sealText } from "../../shared/auth/seal-text.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ConnectionAnswer, ConnectionFailure, WriteKey } from "../../shared/objects/connection-gate.ts";
import { log } from "../../shared/observe/log.ts";
import { KEY_KEPT_MS, KEY_OF_ANOTHER_WRITE } from "../../shared/server/idempotency.ts";
import type { AnsweredRows } from "./sql/operation.ts";

/** Milliseconds after its deadline in which a call that ran still notes its outcome. */
const SETTLING_MS = 10_000;

/** Most bytes that are kept of an outcome. */
const MOST_KEPT = 8_192;

/** A write that is carried out by one call for its key. */
interface KeyedWrite {
  connection: string;
  once: WriteKey;
  /** Names the call. */
  call: string;
  timeoutMs: number;
}

interface Row {
  tool: string;
  digest: string;
  state: string;
  outcome: string | null;
  endsAt: number;
}

/**
 * The key of a write, as its caller chose it for these arguments; nothing without one.
 *
 * @param input - the tool's arguments, with the key as `idempotency_key`
 * @param state - what the arguments mean: the place of the write and, of a statement, its text
 */
export function writeKeyOf(
  person: string,
  tool: string,
  input: Readonly<Record<string, JsonValue | undefined>>,
  state: object,
): WriteKey | undefined {
  const { idempotency_key: key } = input;
  if (typeof key !== "string") return undefined;
  return {
    ...{ person, tool, key },
    digest: digestText(canonicalize(input)),
    state: digestText(canonicalize(state as JsonValue)),
  };
}

/**
 * Carries a write out once for its key. The key is taken in the platform database before anything is sent, so that of
 * calls at the same moment one writes. A call that changed nothing gives the key back.
 */
export async function writeOnce(
  env: Env,
  write: KeyedWrite,
  work: () => Promise<ConnectionAnswer>,
): Promise<ConnectionAnswer> {
  const now = Date.now();
  if (!(await claim(env.PLATFORM_DB, write, now))) return await recall(env, write, now);
  const answer = await work();
  // The caller learns what happened, also if it cannot be noted: a repeat is then told that it is not known.
  await settle(env, write, answer).catch((failure: unknown) => {
    log("error", "connection_write_not_noted", { connection: write.connection, error: String(failure) });
  });
  return answer;
}

/** Why a call with this key will not be carried out; `null` for one that is, or that gets the first outcome. */
export async function findKeyRefusal(
  env: Env,
  connection: string,
  once: WriteKey,
): Promise<ConnectionFailure | null> {
  const now = Date.now();
  const row = await read(env.PLATFORM_DB, connection, once, now);
  return row && refusalOf(row, once, now);
}

/** Removes keys that are too old to be asked for. Returns how many. */
export async function removeOldWrites(database: D1Database, now: number, rows: number): Promise<number> {
  const { meta } = await database
    .prepare(
      `DELETE FROM connection_write WHERE (user_id, connection, key) IN (
         SELECT user_id, connection, key FROM connection_write WHERE created_at <= ? ORDER BY created_at LIMIT ?)`,
    )
    .bind(now - KEY_KEPT_MS, rows)
    .run();
  return meta.changes;
}

/** Removes the keys of a person with their outcomes: an account's next holder must not get what the former one did. */
export async function forgetWrites(database: D1Database, person: string): Promise<void> {
  await database.prepare("DELETE FROM connection_write WHERE user_id = ?").bind(person).run();
}

async function claim(
  database: D1Database,
  { connection, once, call, timeoutMs }: KeyedWrite,
  now: number,
): Promise<boolean> {
  const [, claimed] = await database.batch([
    database
      .prepare(
        "DELETE FROM connection_write WHERE user_id = ? AND connection = ? AND key = ? AND created_at <= ?",
      )
      .bind(once.person, connection, once.key, now - KEY_KEPT_MS),
    database
      .prepare(
        `INSERT INTO connection_write (user_id, connection, key, tool, digest, state, call, ends_at, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING call`,
      )
      .bind(
        ...[once.person, connection, once.key, once.tool, once.digest, once.state],
        ...[call, now + timeoutMs + SETTLING_MS, now],
      ),
  ]);
  return claimed?.results.length === 1;
}

/** Answers a call whose key is taken. */
async function recall(env: Env, { connection, once }: KeyedWrite, now: number): Promise<ConnectionAnswer> {
  const row = await read(env.PLATFORM_DB, connection, once, now);
  if (row === null) return { ok: false, failure: STILL_RUNNING };
  const refusal = refusalOf(row, once, now);
  if (refusal !== null) return { ok: false, failure: refusal };
  const text = await openSealedText(openKeyring(env, KEYS), aboutOf(connection, once), row.outcome ?? "");
  if (text === null) return { ok: false, failure: NOT_READABLE };
  const value = JSON.parse(text) as Record<string, JsonValue>;
  return { ok: true, value: { ...value, replayed: true } };
}

async function settle(
  env: Env,
  { connection, once, call }: KeyedWrite,
  answer: ConnectionAnswer,
): Promise<void> {
  const own = "WHERE user_id = ? AND connection = ? AND key = ? AND call = ?";
  const names = [once.person, connection, once.key, call];
  const database = env.PLATFORM_DB;
  if (answer.ok) {
    const outcome = await sealText(openKeyring(env, KEYS), aboutOf(connection, once), keptOf(answer.value));
    await database
      .prepare(`UPDATE connection_write SET outcome = ? ${own}`)
      .bind(outcome, ...names)
      .run();
  } else if (answer.failure.code === "outcome_unknown") {
    await database
      .prepare(`UPDATE connection_write SET ends_at = 0 ${own}`)
      .bind(...names)
      .run();
  } else {
    await database
      .prepare(`DELETE FROM connection_write ${own}`)
      .bind(...names)
      .run();
  }
}

/** What is kept of an outcome: all of it, or that the write was carried out and how many rows it changed. */
function keptOf(value: JsonValue): string {
  const text = JSON.stringify(value);
  if (new TextEncoder().encode(text).length <= MOST_KEPT) return text;
  const { changed } = value as Partial<AnsweredRows>;
  return JSON.stringify({ columns: [], rows: [], cut: true, changed: changed ?? null, rowsKept: false });
}

async function read(
  database: D1Database,
  connection: string,
  { person, key }: WriteKey,
  now: number,
): Promise<Row | null> {
  return await database
    .prepare(
      `SELECT tool, digest, state, outcome, ends_at AS endsAt FROM connection_write
        WHERE user_id = ? AND connection = ? AND key = ? AND created_at > ?`,
    )
    .bind(person, connection, key, now - KEY_KEPT_MS)
    .first<Row>();
}

function refusalOf(
  { tool, digest, state, outcome, endsAt }: Row,
  once: WriteKey,
  now: number,
): ConnectionFailure | null {
  if (tool !== once.tool || digest !== once.digest) return { code: "conflict", ...KEY_OF_ANOTHER_WRITE };
  if (state !== once.state) return { code: "conflict", ...KEY_OF_FORMER_STATE };
  if (outcome !== null) return null;
  return endsAt >= now ? STILL_RUNNING : NOT_KNOWN;
}

const KEY_OF_FORMER_STATE = {
  message:
    "This idempotency_key belongs to a former state of the connection: its place or its statement was changed since.",
  action: "Look at the data. If the change is not there, call again with a new idempotency_key.",
} as const;

const STILL_RUNNING: ConnectionFailure = {
  code: "conflict",
  message: "A call with this idempotency_key is still running.",
  action: "Repeat the call to get its result.",
  retryAfter: 2,
};

const NOT_KNOWN: ConnectionFailure = {
  code: "outcome_unknown",
  message:
    "An earlier call with this idempotency_key got no answer. It is not known whether it was carried out.",
  action: "Look at the data. If the change is not there, call again with a new idempotency_key.",
};

const NOT_READABLE: ConnectionFailure = {
  code: "conflict",
  message: "A call with this idempotency_key was carried out; its result cannot be read any more.",
  action: "Look at the data.",
};

const KEYS = "CONNECTION_SECRETS_KEY";

function aboutOf(connection: string, { person, key }: WriteKey): string[] {
  return ["connection write", connection, person, key];
}
