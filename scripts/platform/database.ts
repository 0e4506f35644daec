import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { TrailSource } from "../../shared/audit/read-stored.ts";
import { segmentKey } from "../../shared/audit/segment.ts";
import { overConnection, type PlatformDatabase, type Row } from "../../shared/encoding/platform-database.ts";
import { type LocalDatabases, openLocalDatabases } from "../local/databases.ts";
import { CommandFailure } from "../local/failure.ts";
import { type ProcessResult, runWrangler } from "../local/process.ts";
import { type EnvironmentName, environmentFlag } from "../local/project.ts";
import { ROOT } from "../local/root.ts";
import { requireStorage } from "../local/storage.ts";
import { fetchThere } from "./fetch-segments.ts";

export type { PlatformDatabase, Row } from "../../shared/encoding/platform-database.ts";

/** The platform database with the segments of the trail that it names. */
export interface TrailDatabase extends PlatformDatabase {
  /** Reads segments, in their order; `null` for one that is not there. */
  fetchSegments(digests: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | null)[]>;
}

/** Milliseconds for which a command waits while the running Worker writes to the same file, and between two attempts. */
const [BUSY_MS, BUSY_STEP_MS] = [10_000, 100];

/** Segments that a command fetches at once. */
const SEGMENTS_AT_ONCE = 100;

/** The stored audit trail of a platform database. */
export function trailOf(database: TrailDatabase): TrailSource {
  return {
    atOnce: SEGMENTS_AT_ONCE,
    ask: (sql) => database.query(sql),
    fetchSegments: (digests) => database.fetchSegments(digests),
  };
}

/**
 * Open local databases by their folder; a command closes them at its end. Each is a runtime of its own over the same
 * files, so a command opens a folder once, however often it asks.
 */
const opened = new Map<string, Promise<LocalDatabases>>();

/** Closes the databases that {@link openPlatformDatabase} opened on this machine. */
export async function closeDatabases(): Promise<void> {
  for (const databases of opened.values())
    await databases.then((open) => open.close()).catch(() => undefined);
  opened.clear();
}

/** Opens the platform database: embedded storage for `local`, the deployed database for the others. */
export function openPlatformDatabase(environment: EnvironmentName, stateFolder?: string): TrailDatabase {
  return environment === "local" ? openHere(stateFolder) : openThere(environment);
}

/** Embedded storage, opened once per command: starting wrangler for every query took seconds each. */
function openHere(stateFolder: string | undefined): TrailDatabase {
  const folder = path.resolve(ROOT, stateFolder ?? ".wrangler/state");
  const open = (): Promise<LocalDatabases> => {
    requireStorage(stateFolder);
    const databases = opened.get(folder) ?? openLocalDatabases(folder);
    opened.set(folder, databases);
    return databases;
  };
  return explaining(
    async () => {
      const found = (await open()).all.find(({ binding }) => binding === "PLATFORM_DB");
      if (found === undefined)
        throw new Error("wrangler.toml names no PLATFORM_DB for the local environment.");
      return found.connection;
    },
    async () => (await open()).segments,
  );
}

/** The platform database over connections that the caller has open on this machine. */
export function platformDatabase(connection: D1Database, segments?: R2Bucket): TrailDatabase {
  return explaining(
    async () => connection,
    async () => {
      if (segments === undefined) throw new TypeError("The bucket of the trail is not open.");
      return segments;
    },
  );
}

function explaining(connect: () => Promise<D1Database>, openBucket: () => Promise<R2Bucket>): TrailDatabase {
  const explained = (failure: unknown): never => {
    if (failure instanceof CommandFailure) throw failure;
    throw explain("local", failure instanceof Error ? failure.message : String(failure));
  };
  return {
    query: async (sql) => {
      const database = overConnection(await connect());
      return await whenFree(() => database.query(sql), BUSY_READ).catch(explained);
    },
    change: async (sql) => {
      const database = overConnection(await connect());
      return await whenFree(() => database.change(sql), BUSY).catch(explained);
    },
    async fetchSegments(digests) {
      const bucket = await openBucket();
      return await Promise.all(
        digests.map(async (digest) => {
          const object = await bucket.get(segmentKey(digest));
          return object && new Uint8Array(await object.arrayBuffer());
        }),
      );
    },
  };
}

/** Of a read the emulator may say it only after the answer, in words of its own; a change may have been made then. */
const [BUSY, BUSY_READ] = [/SQLITE_BUSY/, /SQLITE_BUSY|Failed to get session commit token/];

/** Does it once the file is free. SQLite refuses at once while another process writes, and nothing is changed then. */
async function whenFree<Result>(work: () => Promise<Result>, busy: RegExp): Promise<Result> {
  for (const end = Date.now() + BUSY_MS; ; await wait(BUSY_STEP_MS)) {
    try {
      return await work();
    } catch (failure) {
      if (!busy.test(String(failure)) || Date.now() >= end) throw failure;
    }
  }
}

/**
 * The deployed database, accessed through `wrangler d1 execute`. Statements are passed in a file that only
 * this user can read, not on a command line.
 */
function openThere(environment: Exclude<EnvironmentName, "local">): TrailDatabase {
  const execute = async (input: readonly string[]): Promise<ProcessResult> => {
    const place = [environmentFlag(environment), "--remote"];
    const result = await runWrangler(
      ["d1", "execute", "PLATFORM_DB", ...place, "--yes", "--json", ...input],
      { env: { CI: "1" } },
    );
    if (result.code !== 0) throw explain(environment, `${result.stdout}\n${result.stderr}`.trim());
    return result;
  };
  return {
    async query(sql) {
      const { stdout } = await execute(["--command", sql]);
      const answers = JSON.parse(stdout.slice(stdout.indexOf("["))) as { results?: Row[] }[];
      return answers[0]?.results ?? [];
    },
    async change(sql) {
      const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-people-"));
      try {
        const file = path.join(folder, "change.sql");
        await writeFile(file, sql, { mode: 0o600 });
        await execute(["--file", file]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    fetchSegments: fetchThere(environment, (sql) => execute(["--command", sql])),
  };
}

function explain(environment: EnvironmentName, text: string): CommandFailure {
  const start = environment === "local" ? "npm start" : `npm run deploy -- --env ${environment}`;
  return text.includes("no such table")
    ? new CommandFailure(`The ${environment} database has no tables yet.`, `Run once: ${start}`)
    : new CommandFailure(
        `The ${environment} database could not be reached.`,
        environment === "local" ? "Its message is below." : "Sign in with: npx wrangler login",
        readWranglerError(text) ?? text.slice(-1_500),
      );
}

/** The sentence inside of `{"error": {"text": …}}`, wrangler's error format under `--json`; else `null`. */
function readWranglerError(text: string): string | null {
  try {
    const { error } = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
    return typeof error?.text === "string" ? error.text : null;
  } catch {
    return null;
  }
}
