import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pickPort } from "../../scripts/local/port.ts";
import type { AuditEvent } from "../../shared/audit/record.ts";
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

/**
 * Number of kills of the runtime, and of users with concurrent calls. The long form:
 * `GATEHOUSE_KILL_ROUNDS=20 GATEHOUSE_KILL_PEOPLE=10 npx vitest run --config vitest.node.config.ts
 * audit-kill`
 */
const ROUNDS = Number(process.env.GATEHOUSE_KILL_ROUNDS ?? 2);
const PEOPLE = Number(process.env.GATEHOUSE_KILL_PEOPLE ?? 2);
/** Maximum concurrent calls of one user (`concurrent_calls` in shared/policy/policy.yaml). */
const CALLS_OF_ONE = 20;
const CALLS = PEOPLE * CALLS_OF_ONE;
const ROUND_MS = 30_000 + PEOPLE * 3_000;

/** A call that was answered before the kill. */
interface Acknowledged {
  traceId: string;
  /** Address of the created contact; `null` for a read. */
  email: string | null;
}

let stateFolder = "";
let url = "";
let port = 0;
let running: SpawnedStart | undefined;

const start = () =>
  startSmall(stateFolder, port, (started) => {
    running = started;
  });

/** Each round has users of its own: a killed call holds its slot among a user's calls for some seconds. */
const emailOf = (round: number, index: number) => `k${round}-${index}@people.example`;

/** Adds the users of all rounds, with the password of the demonstration. Only while nothing runs. */
function addPeople(): void {
  const database = openDatabase("user", false);
  const copyPerson = database.prepare(
    `INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt", role, disabled)
     SELECT ?1, name, ?2, "emailVerified", "createdAt", "updatedAt", role, 0 FROM "user" WHERE id = 'demo-sales'`,
  );
  const copyPassword = database.prepare(
    `INSERT INTO "account" (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
     SELECT ?1 || '-password', ?1, "providerId", ?1, password, "createdAt", "updatedAt"
       FROM "account" WHERE "userId" = 'demo-sales'`,
  );
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let index = 0; index < PEOPLE; index += 1) {
      copyPerson.run(`kill-${round}-${index}`, emailOf(round, index));
      copyPassword.run(`kill-${round}-${index}`);
    }
  }
  database.close();
}

/** Deletes the sign-in attempts of this address, which are limited. Only while nothing runs. */
function forgetAttempts(): void {
  const folder = path.join(stateFolder, "v3/do");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const name of names.filter((file) => file.includes("Attempts") && file.endsWith(".sqlite"))) {
    const database = new DatabaseSync(path.join(folder, name));
    if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'counters'").get())
      database.exec("DELETE FROM counters");
    database.close();
  }
}

/** Creates a contact, or reads. Returns `null` without a complete, successful answer. */
async function call(token: string, session: string | null, create: boolean): Promise<Acknowledged | null> {
  const email = create ? `k${randomBytes(16).toString("hex")}@kill.example` : null;
  const name = create ? "crm_create_contact" : "crm_list_tasks";
  const args = create ? { first_name: "Kill", last_name: "Test", email } : {};
  const traceId = await callOnLane(url, token, session, name, args);
  return traceId === null ? null : { traceId, email };
}

const openDatabase = (table: string, readOnly = true) => openLocalDatabase(stateFolder, table, readOnly);

/** Acknowledged calls without a row in the search of the trail, which is written with their record. */
function countMissing(acknowledged: readonly Acknowledged[]): number {
  const database = openDatabase("call_entry");
  const arrived = database.prepare("SELECT 1 FROM call_entry WHERE trace = unhex(?)");
  const missing = acknowledged.filter(({ traceId }) => arrived.get(traceId) === undefined);
  database.close();
  return missing.length;
}

describe("a runtime that is killed during calls", () => {
  beforeAll(async () => {
    stateFolder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-kill-test-"));
    port = await pickPort();
    url = `http://localhost:${port}/mcp/crm`;
  });

  afterAll(async () => {
    await running?.end("SIGTERM");
    await rm(stateFolder, { recursive: true, force: true });
  });

  it(
    `keeps every acknowledged call and write, and an unbroken chain (${ROUNDS} kills, ${CALLS} calls each)`,
    async () => {
      await (await start()).end("SIGTERM");
      addPeople();
      let started = await start();
      const acknowledged: Acknowledged[] = [];
      const tokens: string[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const answers: Acknowledged[] = [];
        const connections: { token: string; session: string }[] = [];
        for (let index = 0; index < PEOPLE; index += 1) {
          const token = await connectAs(url, emailOf(round, index));
          connections.push({ token, session: await startSession(url, token) });
          tokens.push(token);
        }
        const calls = connections.flatMap(({ token, session }) =>
          Array.from({ length: CALLS_OF_ONE }, async (_, index) => {
            const answer = await call(token, index % 2 === 0 ? session : null, index % 3 !== 0);
            if (answer) answers.push(answer);
          }),
        );
        // Kills after a random number of answers, while the other calls still run.
        const enough = Math.floor(Math.random() * (CALLS / 2));
        await expect.poll(() => answers.length, { interval: 1, timeout: ROUND_MS }).toBeGreaterThan(enough);
        await killRuntime(started);
        await Promise.all(calls);
        expect(answers.length).toBeLessThan(CALLS);
        acknowledged.push(...answers);
        forgetAttempts();
        started = await start();
      }

      // The emulated queue loses its messages with the process, so objects must send records again. They do
      // so at their next call of the user.
      for (const token of tokens) await call(token, null, false);
      await expect.poll(() => countMissing(acknowledged), { timeout: ROUND_MS, interval: 500 }).toEqual(0);
      await started.end("SIGTERM");

      const lines = await exportStored(stateFolder);
      expect((await verifyExport(lines)).findings).toEqual([]);

      const intents = new Set(
        lines.flatMap((line) => {
          const { event } = JSON.parse(line) as { event?: AuditEvent };
          return event?.type === "intent" ? [event.traceId] : [];
        }),
      );
      expect(acknowledged.filter(({ traceId }) => !intents.has(traceId))).toEqual([]);
      const contact = openDatabase("contacts").prepare("SELECT 1 FROM contacts WHERE email = ?");
      const writes = acknowledged.filter(({ email }) => email !== null);
      expect(writes.length).toBeGreaterThan(0);
      expect(writes.filter(({ email }) => contact.get(email) === undefined)).toEqual([]);
      console.log(
        `${ROUNDS} kills with ${CALLS} calls each: ${acknowledged.length} acknowledged calls, ${writes.length} of them writes`,
      );
    },
    120_000 + ROUNDS * ROUND_MS,
  );
});
