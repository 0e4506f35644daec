import { globSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { PlatformDatabase, Row } from "../../shared/encoding/platform-database.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { CommandFailure } from "../local/failure.ts";

/** Most milliseconds that a statement waits while another process writes to the file. */
const BUSY_MS = 30_000;

/** Most bytes of one statement, as in D1. */
const D1_STATEMENT = 100_000;

/** Primary result code of SQLite: another process has locked the file. */
const SQLITE_BUSY = 5;

/** The platform database in its file. */
export interface PlatformFile extends PlatformDatabase {
  close(): void;
}

/**
 * Opens the file of the emulated platform database in a local storage, which a running Worker may use at the same time. The
 * emulator refuses a statement at once while another process writes, and may lose the answer to a change that it has
 * made. SQLite itself waits, and a change that fails is not there.
 *
 * @param stateFolder - of the storage
 * @param busyMs - most milliseconds to wait for another process
 * @throws {CommandFailure} where no file has the tables yet, or the file stays locked
 */
export function openPlatformFile(stateFolder: string, busyMs = BUSY_MS): PlatformFile {
  const file = findFile(stateFolder, busyMs);
  // `limits` is not among the declared options yet.
  const options = { timeout: busyMs, limits: { sqlLength: D1_STATEMENT } };
  const database = new DatabaseSync(file, options);
  const explained = (failure: unknown): never => {
    if (!isBusy(failure)) throw failure;
    throw new CommandFailure(
      `Another process has kept the local database locked for ${Math.round(busyMs / 1_000)} seconds. Nothing was changed.`,
      "Run the command again.",
    );
  };
  return {
    async query(sql) {
      try {
        return database
          .prepare(sql)
          .all()
          .map((row) => ({ ...row }) as Row);
      } catch (failure) {
        return explained(failure);
      }
    },
    async change(sql) {
      try {
        // Takes the lock before the first statement: a transaction that has read cannot wait for it any more.
        database.exec("BEGIN IMMEDIATE");
        for (const statement of splitStatements(sql)) database.exec(statement);
        database.exec("COMMIT");
      } catch (failure) {
        if (database.isTransaction) database.exec("ROLLBACK");
        explained(failure);
      }
    },
    close: () => database.close(),
  };
}

/** The file that has the tables of the platform database; the emulator names files by digests. */
function findFile(stateFolder: string, busyMs: number): string {
  const folder = path.join(stateFolder, "v3/d1");
  for (const name of globSync("**/*.sqlite", { cwd: folder })) {
    const file = path.join(folder, name);
    const database = new DatabaseSync(file, { readOnly: true, timeout: busyMs });
    try {
      if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'admin_request'").get()) return file;
    } finally {
      database.close();
    }
  }
  throw new CommandFailure("The local database has no tables yet.", "Run once: npm start");
}

function isBusy(failure: unknown): boolean {
  const code = failure instanceof Error && "errcode" in failure ? Number(failure.errcode) : 0;
  return (code & 0xff) === SQLITE_BUSY;
}
