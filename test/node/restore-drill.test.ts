import { existsSync, readdirSync } from "node:fs";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pickPort } from "../../scripts/local/port.ts";
import { runNode } from "../../scripts/local/process.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import {
  callOnLane,
  connectAs,
  exportStored,
  killRuntime,
  openLocalDatabase,
  startSession,
} from "../support/lane-client.ts";
import { type SpawnedStart, startSmall } from "../support/spawned-start.ts";

let folder = "";
let stateFolder = "";
let backup = "";
let url = "";
let port = 0;
let running: SpawnedStart | undefined;

const start = () =>
  startSmall(stateFolder, port, (started) => {
    running = started;
  });

const command = (name: string, ...args: string[]) =>
  runNode(`scripts/${name}.ts`, [...args, "--state", stateFolder]);

/** The trace ids of calls that the database has, in the order of their chain. */
function listStored(): string[] {
  const trail = openLocalDatabase(stateFolder, "call_entry");
  const rows = trail
    .prepare(
      `SELECT lower(hex(trace)) AS id FROM call_entry JOIN trail_word AS person ON person.id = call_entry.person
        ORDER BY person.word, sequence`,
    )
    .all() as { id: string }[];
  trail.close();
  return rows.map(({ id }) => id);
}

/**
 * Takes these calls out of the pages of their person's object, as it does itself once it has heard that the database has them,
 * which may not have happened. Only while nothing runs.
 */
function forgetInObject(traceIds: readonly string[]): void {
  const objects = path.join(stateFolder, "v3/do");
  for (const name of readdirSync(objects, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".sqlite")) continue;
    const object = new DatabaseSync(path.join(objects, name));
    const has = object.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'trail_page'").get();
    const pages = has ? object.prepare("SELECT number, entries FROM trail_page").all() : [];
    for (const { number, entries } of pages as { number: number; entries: string }[]) {
      const lines = entries.split("\n").filter(Boolean);
      const events = lines.map((line) => {
        const { link } = JSON.parse(line) as { link?: { event: string } };
        return JSON.parse(link?.event ?? "{}") as { callId?: string; traceId?: string };
      });
      const calls = events
        .filter(({ traceId = "" }) => traceIds.includes(traceId))
        .map(({ callId }) => callId);
      const left = lines.filter((_line, index) => !calls.includes(events[index]?.callId));
      const text = left.map((line) => `${line}\n`).join("");
      object.prepare("UPDATE trail_page SET entries = ? WHERE number = ?").run(text, number);
    }
    object.close();
  }
}

async function verify() {
  return await verifyExport(await exportStored(stateFolder));
}

describe("a restore drill", () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-drill-"));
    stateFolder = path.join(folder, "state");
    backup = path.join(folder, "backup");
    port = await pickPort();
    url = `http://localhost:${port}/mcp/crm`;
  });

  afterAll(async () => {
    await running?.end("SIGTERM");
    await rm(folder, { recursive: true, force: true });
  });

  it("brings chains, sessions and tokens back, and names what the database alone has lost", async () => {
    let started = await start();
    const token = await connectAs(url, "sales@gatehouse.example");
    const session = await startSession(url, token);
    const call = async (lane: string | null) => {
      const id = await callOnLane(url, token, lane, "crm_list_tasks", {});
      expect(id).not.toBeNull();
      return String(id);
    };
    const stored = (ids: readonly string[]) =>
      expect
        .poll(() => ids.filter((id) => !listStored().includes(id)), { timeout: 60_000, interval: 500 })
        .toEqual([]);
    const first = [await call(session), await call(null), await call(session)];
    await stored(first);

    const whileRunning = await command("backup", backup);
    expect(whileRunning).toMatchObject({ code: 1 });
    expect(whileRunning.stderr).toContain("Stop it first");
    await started.end("SIGTERM");
    expect(await command("backup", backup)).toMatchObject({ code: 0 });
    expect((await command("backup", backup)).stderr).toContain("is not empty");

    // Calls that only the database has by now, and calls that the object still has when everything is killed.
    started = await start();
    const lost = [await call(session), await call(null)];
    await stored(lost);
    const kept = [await call(session), await call(null)];
    await killRuntime(started);
    forgetInObject(lost);

    // The databases alone go back: the objects are ahead of them.
    expect(await command("restore", backup, "--only", "databases")).toMatchObject({ code: 0 });
    expect(listStored()).toEqual(first);
    started = await start();
    const later = [await call(session), await call(null)];
    await stored([...kept, ...later]);
    await started.end("SIGTERM");
    expect(listStored()).toEqual([...first, ...kept, ...later]);
    const gap = await verify();
    expect(gap.findings.map(({ kind }) => kind)).toEqual(["missing"]);
    expect(gap.incomplete).toHaveLength(1);

    // Everything is gone, and goes back.
    await rm(path.join(stateFolder, "v3"), { recursive: true });
    expect(await command("restore", backup)).toMatchObject({ code: 0 });
    started = await start();
    const again = [await call(session), await call(null)];
    await stored(again);
    await started.end("SIGTERM");
    expect(listStored()).toEqual([...first, ...again]);
    expect((await verify()).findings).toEqual([]);

    // A backup that was touched changes nothing.
    const [file = ""] = [path.join(backup, "manifest.json")];
    await appendFile(path.join(backup, "d1", "extra"), "x");
    const refused = await command("restore", backup);
    expect(refused.stderr).toContain("is not part of the backup");
    expect(existsSync(file)).toBe(true);
    expect(listStored()).toEqual([...first, ...again]);
  }, 300_000);
});
