import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Browser } from "../../scripts/demo/browser.ts";
import { authorize, discover, registerClient } from "../../scripts/demo/oauth.ts";
import { openLocalDatabases } from "../../scripts/local/databases.ts";
import { platformDatabase, trailOf } from "../../scripts/platform/database.ts";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { exportLines } from "../../shared/audit/export-lines.ts";
import type { SpawnedStart } from "./spawned-start.ts";

/** Signs a person of the demonstration in with an app of their own. Returns the access token. */
export async function connectAs(url: string, email: string): Promise<string> {
  const { discovery } = await discover(url);
  const clientId = await registerClient(discovery, "Kill test");
  const scopes = ["crm:read", "crm:write"];
  const account = { email, password: DEMO_PASSWORD };
  return (await authorize({ ...discovery, scopes }, clientId, new Browser(), account, () => {})).accessToken;
}

/** Starts a session of the sessionful lane. Returns its id. */
export async function startSession(url: string, token: string): Promise<string> {
  const params = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "kill", version: "1" },
  };
  const response = await post(url, token, { method: "initialize", params }, {});
  await response.text();
  return response.headers.get("mcp-session-id") ?? "";
}

/**
 * Calls a tool: in a session, or on the stateless lane without one. Returns the trace id of the call; `null` without a
 * complete, successful answer.
 */
export async function callOnLane(
  url: string,
  token: string,
  session: string | null,
  name: string,
  args: Record<string, unknown>,
): Promise<string | null> {
  const traceId = randomBytes(16).toString("hex");
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
    const text = await (await post(url, token, { method: "tools/call", params }, headers)).text();
    return text.includes('"structuredContent"') && !text.includes('"isError":true') ? traceId : null;
  } catch {
    return null;
  }
}

function post(
  url: string,
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

/** Kills the runtime of a start, then the start, without a chance to write anything. */
export async function killRuntime(started: SpawnedStart): Promise<void> {
  const table = execFileSync("ps", ["-eo", "pid=,ppid=,comm="], { encoding: "utf8" });
  for (const line of table.split("\n")) {
    const [pid, parent, command] = line.trim().split(/\s+/);
    if (command === "workerd" && Number(parent) === started.processId) process.kill(Number(pid), "SIGKILL");
  }
  await started.end("SIGKILL");
}

/** Opens the file of the emulated database with a table. */
export function openLocalDatabase(stateFolder: string, table: string, readOnly = true): DatabaseSync {
  const folder = path.join(stateFolder, "v3/d1");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  for (const name of names.filter((file) => file.endsWith(".sqlite"))) {
    const database = new DatabaseSync(path.join(folder, name), { readOnly });
    if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(table)) return database;
    database.close();
  }
  throw new Error(`No database has the table ${table}.`);
}

/** The whole trail of a local storage as lines of an export. Only while nothing runs on it. */
export async function exportStored(stateFolder: string): Promise<string[]> {
  const databases = await openLocalDatabases(stateFolder);
  try {
    const connection = databases.all.find(({ binding }) => binding === "PLATFORM_DB")?.connection;
    if (connection === undefined) throw new Error("No platform database.");
    const source = trailOf(platformDatabase(connection, databases.segments));
    const lines: string[] = [];
    for await (const line of exportLines(source, "local", { from: null, to: null }, Date.now())) {
      lines.push(JSON.stringify(line));
    }
    return lines;
  } finally {
    await databases.close();
  }
}
