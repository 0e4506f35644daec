import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
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
import { percentile } from "./calls/statistics.ts";
import { CONNECTED } from "./calls/variants.ts";
import { callFor, ms } from "./connections/call-for.ts";
import { readBench } from "./options.ts";

const HELP = `Measures MCP servers as connections: a guarded call against the same call sent to the server directly, and what one bad
server of ten does to the other nine.

  npm run bench -- mcp [--seconds 6] [--rounds 2]
`;

process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

const GOOD = Array.from({ length: 9 }, (_, index) => `good${index + 1}`);
const TENTH = ["healthy", "hangs", "drips", "refuses", "garbage", "endless", "wrongids"] as const;
/** Milliseconds between two calls of one client. */
const PACE_MS = 100;
const CLIENTS = 8;
const TOOL = {
  name: "look",
  description: "Looks something up.",
  inputSchema: { type: "object", properties: { id: { type: "integer" } }, required: ["id"] },
  outputSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
  annotations: { readOnlyHint: true },
};

const { values } = readBench("mcp");
if (values.help) console.log(HELP);
else
  await measure(
    parseWholeNumber("seconds", values.seconds, 60) * 1_000,
    parseWholeNumber("rounds", values.rounds, 20),
  );

async function measure(phaseMs: number, rounds: number): Promise<void> {
  const server = await serve();
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-mcp-"));
  const port = await pickPort();
  const publicUrl = `http://localhost:${port}`;
  const { script, wasm } = await buildVariant(CONNECTED);
  const variables = { PLAIN_HTTP_UPSTREAMS: host };
  const worker = await startGateway({ script, wasm, folder, publicUrl, port, variables });
  try {
    const database = await worker.migrate();
    const names = [...GOOD, ...TENTH];
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
    await compareTenth(open, phaseMs, rounds);
  } finally {
    server.closeAllConnections();
    server.close();
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

/** Nine connections at one pace, with the tenth healthy or bad. Phases alternate, so that a disturbance meets all. */
async function compareTenth(open: Open, phaseMs: number, rounds: number): Promise<void> {
  const nine = await Promise.all(GOOD.map(open));
  const tenths = await Promise.all(
    TENTH.map(async (state) => ({ state, clients: [await open(state), await open(state)] })),
  );
  await callFor(nine, phaseMs / 2, PACE_MS);
  const times = new Map<string, number[]>(TENTH.map((state) => [state, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { state, clients } of tenths) {
      const failing = callFor(clients, phaseMs, PACE_MS, state !== "healthy");
      times.get(state)?.push(...(await callFor(nine, phaseMs, PACE_MS)));
      await failing;
    }
  }
  const usual = percentile(times.get("healthy") ?? [], 0.95);
  console.log("\n| the tenth server | p50 of the other nine | p95 | against healthy |\n|---|---|---|---|");
  for (const [state, all] of times) {
    const change = ((percentile(all, 0.95) / usual - 1) * 100).toFixed(1);
    console.log(
      `| ${state} | ${ms(all, 0.5)} | ${ms(all, 0.95)} | ${state === "healthy" ? "" : `${change} %`} |`,
    );
  }
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

/** A server of 2025 without sessions; the path says how it answers to a call. */
async function serve(): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const { id, method } = (text === "" ? {} : JSON.parse(text)) as { id?: number; method?: string };
      if (id === undefined) return void response.writeHead(method === undefined ? 405 : 202).end();
      const send = (result: object, as: number = id) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ jsonrpc: "2.0", id: as, result }));
      };
      if (method === "initialize") {
        const serverInfo = { name: "bench", version: "1" };
        return send({ protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo });
      }
      if (method === "tools/list") return send({ tools: [TOOL] });
      const structuredContent = { name: "a thing with a name and a date" };
      const answer = {
        content: [{ type: "text", text: JSON.stringify(structuredContent) }],
        structuredContent,
      };
      switch ((request.url ?? "").slice(1)) {
        case "hangs":
          return undefined;
        case "drips": {
          response.writeHead(200, { "content-type": "text/event-stream" });
          const timer = setInterval(() => response.write(": wait\n\n"), 200);
          return void response.on("close", () => clearInterval(timer));
        }
        case "refuses":
          return void response.writeHead(503).end();
        case "garbage":
          return void response.writeHead(200, { "content-type": "application/json" }).end("}{");
        case "endless": {
          response.writeHead(200, { "content-type": "text/event-stream" });
          const write = () => {
            while (!response.destroyed && response.write(`: ${"x".repeat(60_000)}\n\n`));
          };
          response.on("drain", write);
          return write();
        }
        case "wrongids":
          return send(answer, 987_654);
        default:
          return send(answer);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
