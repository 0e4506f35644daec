import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { storeDefinitions } from "../../shared/connections/definition-store.ts";
import { type ConnectionEntry, connectionEntry } from "../../shared/connections/entry.ts";
import { describeListed } from "../../workers/connections/mcp/definitions.ts";
import { publishConnections } from "../connections/published.ts";
import { pickPort } from "../local/port.ts";
import { parseWholeNumber } from "../local/whole-number.ts";
import { platformDatabase } from "../platform/database.ts";
import { buildVariant } from "./calls/build.ts";
import { type Client, connectClient } from "./calls/client.ts";
import { signPeopleIn } from "./calls/people.ts";
import { startGateway } from "./calls/runtime.ts";
import { CONNECTED } from "./calls/variants.ts";
import { callFor, ms } from "./connections/call-for.ts";
import { compareTenth } from "./connections/compare-tenth.ts";
import { startServers, TOOL } from "./connections/mcp-servers.ts";
import { readBench } from "./options.ts";

const HELP = `Measures MCP servers as connections: a guarded call against the same call sent to the server directly, and what one bad
server of ten does to the other nine.

  npm run bench -- mcp [--seconds 6] [--rounds 2]
`;

process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

const GOOD = Array.from({ length: 9 }, (_, index) => `good${index + 1}`);
const BAD = ["hangs", "drips", "refuses", "garbage", "endless", "endlessmessage", "wrongids"] as const;
const CLIENTS = 8;
const { values } = readBench("mcp");
if (values.help) console.log(HELP);
else
  await measure(
    parseWholeNumber("seconds", values.seconds, 60) * 1_000,
    parseWholeNumber("rounds", values.rounds, 20),
  );

async function measure(phaseMs: number, rounds: number): Promise<void> {
  const { host, stop } = await startServers();
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-mcp-"));
  const port = await pickPort();
  const publicUrl = `http://localhost:${port}`;
  const { script, wasm } = await buildVariant(CONNECTED);
  const variables = { PLAIN_HTTP_UPSTREAMS: host };
  const worker = await startGateway({
    ...{ script, wasm, folder, publicUrl, port, variables },
    keepsMessages: true,
  });
  try {
    const database = await worker.migrate();
    const names = [...GOOD, "healthy", ...BAD];
    const { definitions: found } = describeListed({
      tools: [TOOL],
      resources: [],
      templates: [],
      prompts: [],
    });
    const definitions = await storeDefinitions(database, found, Date.now());
    const wanted = names.map((name) => [name, { entry: entryOf(host, name), definitions }]);
    await publishConnections(platformDatabase(database), Object.fromEntries(wanted), {
      place: { env: "local", state: folder },
      note: "bench",
    });
    const [token = ""] = await signPeopleIn(database, `${publicUrl}/mcp`, 1);
    const open = (name: string) =>
      connectClient("stateless", {
        ...{ port, host: `localhost:${port}`, path: "/mcp", token },
        ...{ tool: `${name}_look`, arguments: { id: 7 } },
      });
    await compareDirect(open, host, phaseMs);
    await compareServers(open, phaseMs, rounds);
  } finally {
    stop();
    await worker.stop();
    await rm(folder, { recursive: true, force: true });
  }
  process.exit();
}

type Open = (name: string) => Promise<Client>;

async function compareDirect(open: Open, host: string, phaseMs: number): Promise<void> {
  console.log(
    "| call | p50 | p95 | calls a second, one client | calls a second, eight |\n|---|---|---|---|---|",
  );
  const guarded = await Promise.all(Array.from({ length: CLIENTS }, () => open("good1")));
  const direct = Array.from({ length: CLIENTS }, () => directClient(host));
  for (const [what, clients] of [
    ["through the connection", guarded],
    ["sent to the server directly", direct],
  ] as const) {
    await callFor(clients, phaseMs / 4);
    const alone = await callFor(clients.slice(0, 1), phaseMs);
    const together = await callFor(clients, phaseMs);
    const rate = (times: number[]) => ((times.length / phaseMs) * 1_000).toFixed(0);
    console.log(`| ${what} | ${ms(alone, 0.5)} | ${ms(alone, 0.95)} | ${rate(alone)} | ${rate(together)} |`);
  }
  for (const client of [...guarded, ...direct]) client.close();
}

/** Nine servers at one pace, with the tenth healthy or bad. */
async function compareServers(open: Open, phaseMs: number, rounds: number): Promise<void> {
  const nine = await Promise.all(GOOD.map(open));
  const pair = async (state: string) => ({ state, clients: [await open(state), await open(state)] });
  const [healthy, failing] = [await pair("healthy"), await Promise.all(BAD.map(pair))];
  await compareTenth("the tenth server", { nine, healthy, failing }, { phaseMs, rounds });
}

function entryOf(host: string, name: string): ConnectionEntry {
  return connectionEntry.parse({
    ...{ kind: "mcp", title: name, description: "What the bench asks.", owner: "bench" },
    reach: { url: `http://${host}/${name}`, generation: "2025" },
    limits: { seconds: 2 },
  });
}

function directClient(host: string): Client {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const params = { name: "look", arguments: { id: 7 } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  return {
    call: () =>
      new Promise((resolve, reject) => {
        const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
        const request = http.request(
          `http://${host}/good1`,
          { method: "POST", agent, headers },
          (response) => {
            response.resume();
            response.once("end", () => resolve());
          },
        );
        request.once("error", reject);
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}
