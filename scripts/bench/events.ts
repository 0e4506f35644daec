import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { hashPassword } from "better-auth/crypto";
import { addPerson } from "../../shared/people/statements.ts";
import { Browser } from "../demo/browser.ts";
import { authorize, type Discovery, discover, registerClient } from "../demo/oauth.ts";
import { parseWholeNumber } from "../local/whole-number.ts";
import { type BenchGateway, runOnGateway } from "./calls/run-on-gateway.ts";
import { type FlakyReceiver, startFlakyReceiver } from "./events/receiver.ts";
import { readBench } from "./options.ts";

const HELP = `Delivers events to a receiver that fails one attempt of ten: an error, a cut connection, or no answer in time. Says how
many came, how many came twice, and how many attempts it took. Then the app's token is revoked, more happens, and none of
it may come.

  npm run bench -- events [--events 10000] [--seed 1]

The limit of deliveries a minute is lifted. An event fails three times at most, so that the whole takes some minutes.
`;

const EVENT = "crm_deal_stage_changed";
const PASSWORD = "gatehouse-bench-door";

/** Milliseconds without a new delivery after which the rest counts as lost. */
const PATIENCE_MS = 180_000;

/** Milliseconds for which the receiver must stay silent after the revocation. */
const SILENCE_MS = 20_000;

let receiver: FlakyReceiver | undefined;
await runOnGateway("events", run);
receiver?.close();

async function run(start: () => Promise<BenchGateway>): Promise<void> {
  const { values } = readBench("events");
  if (values.help) return console.log(HELP);
  const count = parseWholeNumber("events", values.events);
  const { worker, publicUrl, platform } = await start();
  const crm = await worker.openDatabase("CRM_DB");
  receiver = await startFlakyReceiver(parseWholeNumber("seed", values.seed));
  const app = await connectApp(platform, `${publicUrl}/mcp/crm`);
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  const subscription = { name: EVENT, delivery: { mode: "webhook", url: receiver.url, secret } };
  await ask(app, "events/subscribe", subscription);
  await makeEvents(crm, 0, count);

  const begunAt = performance.now();
  // A renewal makes the subscription look at once, in place of an announcement.
  await ask(app, "events/subscribe", subscription);
  for (let seen = 0, idle = 0; receiver.taken.size < count && idle < PATIENCE_MS; idle += 1_000) {
    await wait(1_000);
    if (receiver.taken.size > seen) idle = 0;
    seen = receiver.taken.size;
  }
  const seconds = (performance.now() - begunAt) / 1_000;
  const twice = [...receiver.taken.values()].filter((times) => times > 1).length;
  console.log(`${receiver.taken.size} of ${count} events came within ${seconds.toFixed(0)} s`);
  console.log(
    `${receiver.attempts} attempts, ${receiver.refused} of them failed; ${twice} events came more than once`,
  );
  console.log(`${count - receiver.taken.size} lost, ${receiver.gaps} gaps`);

  const before = receiver.taken.size;
  await revoke(app);
  await makeEvents(crm, count, 1_000);
  await wakeSubscriber(app);
  await wait(SILENCE_MS);
  console.log(`after the revocation: ${receiver.taken.size - before} events, ${receiver.ends} terminated`);
  if (receiver.taken.size !== count || twice > receiver.refused) process.exitCode = 1;
}

/** An app of a person. */
interface App {
  mcpUrl: string;
  token: string;
  clientId: string;
  discovery: Discovery;
}

async function connectApp(database: D1Database, mcpUrl: string): Promise<App> {
  const email = "bench@gatehouse.example";
  const passwordHash = await hashPassword(PASSWORD);
  const at = new Date().toISOString();
  const person = {
    id: "bench",
    accountId: "bench-password",
    email,
    name: "bench",
    role: "admin",
    passwordHash,
    at,
  };
  await database.batch(
    addPerson(person)
      .split(/(?<=;)\n/)
      .map((statement) => database.prepare(statement)),
  );
  const { discovery } = await discover(mcpUrl);
  const clientId = await registerClient(discovery, "Gatehouse bench");
  const account = { email, password: PASSWORD };
  const { accessToken } = await authorize(discovery, clientId, new Browser(), account, () => {});
  return { mcpUrl, token: accessToken, clientId, discovery };
}

async function ask(
  { mcpUrl, token }: App,
  method: string,
  params: Record<string, unknown>,
): Promise<unknown> {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const response = await fetch(mcpUrl, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(typeof params.name === "string" && { "mcp-name": params.name }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } }),
  });
  const text = await response.text();
  const { result } = JSON.parse(text) as { result?: unknown };
  if (result === undefined) throw new Error(`${method} was answered with ${response.status}: ${text}`);
  return result;
}

/** Ends the app's token (RFC 7009), at the token endpoint. */
async function revoke({ token, clientId, discovery }: App): Promise<void> {
  const body = new URLSearchParams({ token, token_type_hint: "access_token", client_id: clientId });
  const response = await fetch(discovery.tokenEndpoint, { method: "POST", body });
  if (!response.ok) throw new Error(`The revocation was answered with ${response.status}.`);
}

/** Another app of the same person subscribes, which wakes the object of both. */
async function wakeSubscriber({ mcpUrl, discovery }: App): Promise<void> {
  const clientId = await registerClient(discovery, "Gatehouse bench, second app");
  const account = { email: "bench@gatehouse.example", password: PASSWORD };
  const { accessToken: token } = await authorize(discovery, clientId, new Browser(), account, () => {});
  const other = { mcpUrl, token, clientId, discovery };
  const call = { name: "crm_create_company", arguments: { name: `Bench ${Date.now()}` } };
  await ask(other, "tools/call", call);
}

/** Stores changes of one deal's stage, a millisecond apart. */
async function makeEvents(database: D1Database, from: number, count: number): Promise<void> {
  const now = new Date().toISOString();
  const by = [now, "bench", "Bench", now, "bench", "Bench"];
  const made = "created_at, created_by, created_by_name, updated_at, updated_by, updated_by_name";
  await database.batch([
    database
      .prepare(
        `INSERT OR IGNORE INTO companies (id, name, ${made}) VALUES ('cmp_b', 'Bench', ?, ?, ?, ?, ?, ?)`,
      )
      .bind(...by),
    database
      .prepare(
        `INSERT OR IGNORE INTO deals (id, name, company_id, stage, amount_cents, expected_close_on, stage_since,
           last_activity_at, ${made}) VALUES ('deal_b', 'Bench', 'cmp_b', 'lead', 100, '2030-01-01', ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .bind(now, now, ...by),
    database
      .prepare(
        `INSERT INTO deal_stage_history (deal_id, to_stage, changed_at, changed_by, changed_by_name)
         WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
         SELECT 'deal_b', 'lead', strftime('%Y-%m-%dT%H:%M:%fZ', (?2 + n) / 1000.0, 'unixepoch'), 'bench', 'Bench' FROM number`,
      )
      .bind(count, Date.now() - 1_000_000 + from),
  ]);
}
