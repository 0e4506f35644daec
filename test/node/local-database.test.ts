import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runNode } from "../../scripts/local/process.ts";
import { ROOT } from "../../scripts/local/root.ts";
import { isRuntimeNoise } from "../../scripts/local/runtime-noise.ts";
import { openPlatformFile, type PlatformFile } from "../../scripts/platform/platform-file.ts";
import { openLocalDatabase } from "../support/lane-client.ts";
import { type LocalStorage, makeLocalStorage } from "../support/local-storage.ts";

let storage: LocalStorage;
let database: PlatformFile;
const state = () => path.join(storage.folder, "state");
const moduleOf = (file: string) => JSON.stringify(pathToFileURL(path.join(ROOT, file)).href);

beforeAll(async () => {
  storage = await makeLocalStorage();
  database = openPlatformFile(state());
});

afterAll(async () => {
  database.close();
  await storage.remove();
});

const ticket = (digest: string) =>
  `INSERT INTO connection_ticket (digest, expires_at) VALUES ('${digest.padEnd(64)}', 1);`;
const tickets = async () =>
  (await database.query("SELECT digest FROM connection_ticket ORDER BY digest")).map(({ digest }) =>
    String(digest).trim(),
  );

/** A process that has locked the database for writing; at a word it writes a lot, and ends its transaction. */
async function startWriter(): Promise<ChildProcess> {
  const script = path.join(storage.folder, "writer.mjs");
  await writeFile(
    script,
    `import { DatabaseSync } from "node:sqlite";
    const database = new DatabaseSync(process.argv[2], { timeout: 10_000 });
    database.exec("BEGIN IMMEDIATE; CREATE TABLE busy (n INTEGER)");
    process.once("message", () => {
      database.exec("INSERT INTO busy WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000) SELECT i FROM n");
      database.exec("DROP TABLE busy; ${ticket("writer")} COMMIT");
      process.disconnect();
    });
    process.send("locked");`,
  );
  const writer = fork(script, [fileOfPlatform()]);
  await once(writer, "message");
  return writer;
}

function fileOfPlatform(): string {
  const open = openLocalDatabase(state(), "admin_request");
  const file = open.location();
  open.close();
  return String(file);
}

describe("a command on the local database", () => {
  it("waits while another process writes to it, and then makes its change", async () => {
    const writer = await startWriter();
    const ended = once(writer, "exit");
    writer.send("go on");
    await database.change(ticket("waited"));
    // The writer's row is there as well: it had the lock until its end.
    expect(await tickets()).toEqual(["waited", "writer"]);
    await ended;
    await database.change("DELETE FROM connection_ticket;");
  });

  it("says that nothing was changed where the database stays locked, and reads on", async () => {
    const other = openLocalDatabase(state(), "admin_request", false);
    const impatient = openPlatformFile(state(), 0);
    other.exec("BEGIN IMMEDIATE");
    await expect(impatient.change(ticket("refused"))).rejects.toThrow("Nothing was changed.");
    expect(await impatient.query("SELECT count(*) AS n FROM connection_ticket")).toEqual([{ n: 0 }]);
    other.exec("ROLLBACK");
    other.close();
    await impatient.change(ticket("later"));
    impatient.close();
    expect(await tickets()).toEqual(["later"]);
    await database.change("DELETE FROM connection_ticket;");
  });

  it("makes a change as a whole or not at all", async () => {
    const half = `${ticket("first")}\n${ticket("first")}`;
    await expect(database.change(half)).rejects.toThrow("UNIQUE");
    expect(await tickets()).toEqual([]);
    await database.change(`${ticket("a; -- b")}\n${ticket("c")}`);
    expect(await tickets()).toEqual(["a; -- b", "c"]);
    await database.change("DELETE FROM connection_ticket;");
  });

  it("reads rows and follows references and limits as the emulator does", async () => {
    const sql = "SELECT 1 AS one, 2.5 AS real, 'ö' AS text, NULL AS nil, unixepoch() > 0 AS yes";
    const emulated = await storage.inPlatform(async (d1) => (await d1.prepare(sql).all()).results);
    expect(await database.query(sql)).toStrictEqual(emulated);
    const orphan = `INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId") VALUES ('s', '', 't', '', '', 'none')`;
    await expect(database.change(orphan)).rejects.toThrow("FOREIGN KEY");
    await expect(storage.inPlatform((d1) => d1.prepare(orphan).run())).rejects.toThrow("FOREIGN KEY");
    const long = `SELECT '${"x".repeat(100_000)}' AS x`;
    await expect(database.query(long)).rejects.toThrow("too big");
    await expect(storage.inPlatform((d1) => d1.prepare(long).run())).rejects.toThrow("too long");
  });
});

describe("the runtime's own words", () => {
  it("do not reach the terminal, while a failure does", async () => {
    const script = path.join(storage.folder, "refused.mjs");
    await writeFile(
      script,
      `import { openLocalDatabases } from ${moduleOf("scripts/local/databases.ts")};
      const databases = await openLocalDatabases(${JSON.stringify(state())});
      const { connection } = databases.all.find(({ binding }) => binding === "PLATFORM_DB");
      try {
        await connection.prepare("DELETE FROM connection_ticket").run();
      } catch (failure) {
        console.error(failure.message);
      }
      await databases.close();`,
    );
    const other = openLocalDatabase(state(), "admin_request", false);
    other.exec("BEGIN IMMEDIATE");
    const { stdout, stderr } = await runNode(script, []);
    other.exec("ROLLBACK");
    other.close();
    expect([stdout, stderr]).toEqual(["", "D1_ERROR: database is locked: SQLITE_BUSY\n"]);
  });

  it("are told apart from messages", () => {
    const noise = [
      "detected excessive collisions in hash table; is your hash function OK?; entryCount = 85; collisionCount = 434; kj::getStackTrace() = workerd@3877d03 workerd@3877a4e",
      "stack: workerd@3bd3cfb workerd@3be3ca7",
      "e = workerd/util/sqlite.c++:1757: failed: SQLite failed; dbErrorMessage(err, db) = database is locked: SQLITE_BUSY",
    ];
    expect(noise.filter((line) => !isRuntimeNoise(line))).toEqual([]);
    const messages = [
      "*** Fatal uncaught kj::Exception: disk I/O error",
      "Uncaught Error: stack: of plates",
      '{"level":"error","event":"policy_not_copied"}',
    ];
    expect(messages.filter(isRuntimeNoise)).toEqual([]);
  });
});
