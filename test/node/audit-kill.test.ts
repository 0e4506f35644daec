import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportLines } from "../../scripts/audit/export-lines.ts";
import { Browser } from "../../scripts/demo/browser.ts";
import { authorize, discover, registerClient } from "../../scripts/demo/oauth.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE } from "../../scripts/seed/people.ts";
import type { AuditEvent } from "../../shared/audit/record.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { pickPort, type SpawnedStart, spawnStart } from "../support/spawned-start.ts";

/** Each round is another person's: a killed call holds its place among that person's calls for some seconds. */
const ROLES = ["sales", "admin"];
/** As many at once as one person may have (`concurrentCalls` in shared/policy/limits.ts). */
const CALLS = 20;
const ROUND_MS = 30_000;

/** A call that was answered before the kill. */
interface Acknowledged {
  traceId: string;
  /** Address of the contact that it created; `null` for a read. */
  email: string | null;
}

let stateFolder = "";
let url = "";
let port = 0;
let running: SpawnedStart | undefined;

async function start(): Promise<SpawnedStart> {
  running = spawnStart(stateFolder, port, ["--contacts", "50", "--events", "1000"]);
  await running.printed("Ctrl-C stops");
  return running;
}

/** Kills the runtime, then what started it, without a chance to write anything. */
async function kill(started: SpawnedStart): Promise<void> {
  const table = execFileSync("ps", ["-eo", "pid=,ppid=,comm="], { encoding: "utf8" });
  for (const line of table.split("\n")) {
    const [pid, parent, command] = line.trim().split(/\s+/);
    if (command === "workerd" && Number(parent) === started.processId) process.kill(Number(pid), "SIGKILL");
  }
  await started.end("SIGKILL");
}

async function connect(role: string): Promise<string> {
  const { discovery } = await discover(url);
  const clientId = await registerClient(discovery, "Kill test");
  const email = DEMO_PEOPLE.find((person) => person.role === role)?.email ?? "";
  const scopes = ["crm:read", "crm:write"];
  const account = { email, password: DEMO_PASSWORD };
  return (await authorize({ ...discovery, scopes }, clientId, new Browser(), account, () => {})).accessToken;
}

function post(
  token: string,
  message: Record<string, unknown>,
  headers: Record<string, string>,
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, ...message }),
  });
}

async function openSession(token: string): Promise<string> {
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "kill", version: "1" },
  };
  const response = await post(token, { method: "initialize", params }, {});
  await response.text();
  return response.headers.get("mcp-session-id") ?? "";
}

/** Calls a tool on one lane. `null` when no whole, good answer came back. */
async function call(token: string, session: string | null, create: boolean): Promise<Acknowledged | null> {
  const traceId = randomBytes(16).toString("hex");
  const email = create ? `k${traceId}@kill.example` : null;
  const name = create ? "crm_create_contact" : "crm_list_tasks";
  const args = create ? { first_name: "Kill", last_name: "Test", email } : {};
  const traceparent = `00-${traceId}-${traceId.slice(16)}-01`;
  const revision = session === null ? "2026-07-28" : "2025-11-25";
  const envelope = {
    "io.modelcontextprotocol/protocolVersion": revision,
    "io.modelcontextprotocol/clientInfo": { name: "kill", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { name, arguments: args, ...(session === null && { _meta: envelope }) };
  const lane: Record<string, string> =
    session === null ? { "mcp-method": "tools/call", "mcp-name": name } : { "mcp-session-id": session };
  try {
    const headers = { traceparent, "mcp-protocol-version": revision, ...lane };
    const text = await (await post(token, { method: "tools/call", params }, headers)).text();
    return text.includes('"structuredContent"') && !text.includes('"isError":true')
      ? { traceId, email }
      : null;
  } catch {
    return null;
  }
}

/** Finds, among the files of the emulated databases, the one that has a table. */
function openDatabase(table: string): DatabaseSync {
  const folder = path.join(stateFolder, "v3/d1");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const name of names.filter((file) => file.endsWith(".sqlite"))) {
    const database = new DatabaseSync(path.join(folder, name), { readOnly: true });
    if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(table)) return database;
    database.close();
  }
  throw new Error(`No database has the table ${table}.`);
}

describe("a runtime that is killed with calls in flight", () => {
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
    `keeps every acknowledged call and write, and an unbroken chain (${ROLES.length} kills, ${CALLS} calls each)`,
    async () => {
      let started = await start();
      let token = "";
      const acknowledged: Acknowledged[] = [];
      for (const role of ROLES) {
        token = await connect(role);
        const session = await openSession(token);
        const answers: Acknowledged[] = [];
        const calls = Array.from({ length: CALLS }, async (_, index) => {
          const answer = await call(token, index % 2 === 0 ? session : null, index % 3 !== 0);
          if (answer) answers.push(answer);
        });
        // The moment of the kill: after a random number of answers, with the other calls still under way.
        const enough = Math.floor(Math.random() * (CALLS / 2));
        await expect.poll(() => answers.length, { interval: 1, timeout: ROUND_MS }).toBeGreaterThan(enough);
        await kill(started);
        await Promise.all(calls);
        expect(answers.length).toBeLessThan(CALLS);
        acknowledged.push(...answers);
        started = await start();
      }

      const last = await call(await connect("sales"), null, false);
      const trail = openDatabase("audit_record");
      const arrived = trail.prepare(`SELECT 1 FROM audit_record WHERE event ->> '$.traceId' = ?`);
      await expect.poll(() => arrived.get(last?.traceId ?? ""), { timeout: ROUND_MS }).toBeDefined();

      const ask = async (sql: string) => trail.prepare(sql).all() as Record<string, string | number | null>[];
      const lines: string[] = [];
      for await (const line of exportLines(ask, "local", { from: null, to: null }, Date.now())) {
        lines.push(JSON.stringify(line));
      }
      expect((await verifyExport(lines)).findings).toEqual([]);

      const recorded = new Set(
        lines.flatMap((line) => {
          const { event } = JSON.parse(line) as { event?: AuditEvent };
          return event?.type === "intent" ? [event.traceId] : [];
        }),
      );
      expect(acknowledged.filter(({ traceId }) => !recorded.has(traceId))).toEqual([]);
      const contact = openDatabase("contacts").prepare("SELECT 1 FROM contacts WHERE email = ?");
      const writes = acknowledged.filter(({ email }) => email !== null);
      expect(writes.length).toBeGreaterThan(0);
      expect(writes.filter(({ email }) => contact.get(email) === undefined)).toEqual([]);
      console.log(
        `${ROLES.length} kills: ${acknowledged.length} acknowledged calls, ${writes.length} of them writes`,
      );
    },
    60_000 + ROLES.length * ROUND_MS,
  );
});
