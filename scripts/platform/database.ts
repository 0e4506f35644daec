import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { TrailSource } from "../../shared/audit/read-stored.ts";
import { segmentKey } from "../../shared/audit/segment.ts";
import { overConnection, type PlatformDatabase, type Row } from "../../shared/encoding/platform-database.ts";
import type { LocalDatabases } from "../local/databases.ts";
import { CommandFailure } from "../local/failure.ts";
import { type ProcessResult, runWrangler } from "../local/process.ts";
import { type EnvironmentName, environmentFlag } from "../local/project.ts";
import { ROOT } from "../local/root.ts";
import { requireStorage } from "../local/storage.ts";
import { fetchThere } from "./fetch-segments.ts";
import { openPlatformFile, type PlatformFile } from "./platform-file.ts";

export type { PlatformDatabase, Row } from "../../shared/encoding/platform-database.ts";

/** The platform database with the segments of the trail that it names. */
export interface TrailDatabase extends PlatformDatabase {
  /** Reads segments, in their order; `null` for one that is not there. */
  fetchSegments(digests: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | null)[]>;
}

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

/** What a command has open of a local storage: the platform database, and a runtime for the buckets once they are read. */
interface OpenStorage {
  file: PlatformFile;
  runtime?: Promise<LocalDatabases>;
}

/** Open local storage by its folder. A command opens a folder once, however often it asks, and closes it at its end. */
const opened = new Map<string, OpenStorage>();

/** Closes what {@link openPlatformDatabase} opened on this machine. */
export async function closeDatabases(): Promise<void> {
  for (const { file, runtime } of opened.values()) {
    file.close();
    await runtime?.then((open) => open.close()).catch(() => undefined);
  }
  opened.clear();
}

/** Opens the platform database: embedded storage for `local`, the deployed database for the others. */
export function openPlatformDatabase(environment: EnvironmentName, stateFolder?: string): TrailDatabase {
  return environment === "local" ? openHere(stateFolder) : openThere(environment);
}

/** Embedded storage: the database in its file, because starting a runtime for it takes a second. */
function openHere(stateFolder: string | undefined): TrailDatabase {
  const folder = path.resolve(ROOT, stateFolder ?? ".wrangler/state");
  const open = (): OpenStorage => {
    requireStorage(stateFolder);
    const storage = opened.get(folder) ?? { file: openPlatformFile(folder) };
    opened.set(folder, storage);
    return storage;
  };
  return explaining({
    query: async (sql) => await open().file.query(sql),
    change: async (sql) => await open().file.change(sql),
    async fetchSegments(digests) {
      const storage = open();
      storage.runtime ??= openRuntime(folder);
      return await readSegments((await storage.runtime).segments, digests);
    },
  });
}

/** Loaded when a command needs it: most need no runtime. */
async function openRuntime(folder: string): Promise<LocalDatabases> {
  const { openLocalDatabases } = await import("../local/databases.ts");
  return await openLocalDatabases(folder);
}

/** The platform database over connections that the caller has open on this machine. */
export function platformDatabase(connection: D1Database, segments?: R2Bucket): TrailDatabase {
  return explaining({
    ...overConnection(connection),
    async fetchSegments(digests) {
      if (segments === undefined) throw new TypeError("The bucket of the trail is not open.");
      return await readSegments(segments, digests);
    },
  });
}

function explaining(database: TrailDatabase): TrailDatabase {
  const explained = (failure: unknown): never => {
    if (failure instanceof CommandFailure) throw failure;
    throw explain("local", failure instanceof Error ? failure.message : String(failure));
  };
  return {
    query: (sql) => database.query(sql).catch(explained),
    change: (sql) => database.change(sql).catch(explained),
    fetchSegments: (digests) => database.fetchSegments(digests),
  };
}

async function readSegments(
  bucket: R2Bucket,
  digests: readonly string[],
): Promise<(Uint8Array<ArrayBuffer> | null)[]> {
  return await Promise.all(
    digests.map(async (digest) => {
      const object = await bucket.get(segmentKey(digest));
      return object && new Uint8Array(await object.arrayBuffer());
    }),
  );
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
