import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pickPort } from "../../local/port.ts";
import { seedAnalytics } from "../../seed/analytics.ts";
import { buildVariant } from "../calls/build.ts";
import { connectClient, type Target } from "../calls/client.ts";
import { signPeopleIn } from "../calls/people.ts";
import { type RunningWorker, startGateway } from "../calls/runtime.ts";
import { GUARDED } from "../calls/variants.ts";
import { loadCustomers } from "../crm/load.ts";
import { inMiB } from "../sessions/report.ts";
import { together } from "../sessions/together.ts";

/** Memory of an isolate (Workers limits). */
const ISOLATE_BYTES = 128 * 1024 * 1024;

/** Streams of one person: fewer than Gatehouse allows. */
const STREAMS_OF_ONE = 19;

/** Idle milliseconds before a measurement. */
const SETTLE_MS = 5_000;

const REVISION = "2026-07-28";

/** How much there is. */
export interface PeakSizes {
  contacts: number;
  streams: number;
}

/**
 * Prints by how much the runtime's process grows at most during each kind of work, over what it had before. A process holds
 * more than an isolate: the runtime, its databases and caches. So what fits here fits there, and not the reverse.
 */
export async function measurePeaks({ contacts, streams }: PeakSizes): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-peaks-"));
  const port = await pickPort();
  const publicUrl = `http://localhost:${port}`;
  const { script, wasm, data } = await buildVariant(GUARDED);
  const worker = await startGateway({
    script,
    wasm,
    data,
    folder,
    publicUrl,
    port,
    inspectorPort: await pickPort(),
  });
  try {
    const database = await worker.migrate();
    const asOf = new Date();
    await loadCustomers(await worker.openDatabase("CRM_DB"), contacts, asOf);
    await seedAnalytics(await worker.openDatabase("ANALYTICS_DB"), {
      asOf,
      events: 50_000,
      report: () => {},
    });
    const people = Math.max(4, Math.ceil(streams / STREAMS_OF_ONE));
    const tokens = await signPeopleIn(database, `${publicUrl}/mcp`, people);
    const target = { port, host: `localhost:${port}`, path: "/mcp" };
    const repeat = async (
      tool: string,
      args: Readonly<Record<string, unknown>>,
      times: number,
      atOnce: number,
    ) => {
      const clients = await Promise.all(
        tokens
          .slice(0, 4)
          .map((token) => connectClient("stateless", { ...target, token, tool, arguments: args })),
      );
      let next = 0;
      await together(times, atOnce, async () => await clients[next++ % clients.length]?.call());
      for (const client of clients) client.close();
    };
    const chart = { metrics: ["revenue"], period: "last_90_days", grain: "day", chart: "line" };
    const megabyte = { name: "bench_echo", arguments: { text: "x".repeat(1_000_000) } };
    console.log("| work | most growth of the process | Worker's heap afterwards |\n|---|---|---|");
    await report(worker, "a first call of each tool", async () => {
      await repeat("bench_echo", { text: "a" }, 40, 4);
      await repeat("analytics_query", { ...chart, chart: "none" }, 4, 2);
    });
    await report(worker, "40 pictures, four at once", () => repeat("analytics_query", chart, 40, 4));
    await report(worker, `${contacts} contacts as one CSV file`, async () => {
      const [token = ""] = tokens;
      const asked = { ...target, token, tool: "" };
      for (let cursor: string | undefined, uri = ""; ; ) {
        const given = { record: "contact", whole: true, ...(cursor !== undefined && { cursor }) };
        const page = await ask(asked, "tools/call", { name: "crm_export_csv", arguments: given });
        uri = /"(crm:[^"]+)"/.exec(page)?.[1] ?? uri;
        cursor = /"next_cursor":"([^"]+)"/.exec(page)?.[1];
        if (cursor !== undefined) continue;
        const file = await ask(asked, "resources/read", { uri });
        if (file.length < 20 * contacts)
          throw new Error(`No whole file: ${page.slice(0, 500)} ${file.slice(0, 500)}`);
        return;
      }
    });
    // What the tool gives back is over the size of an answer: it is made, measured and refused.
    await report(worker, "100 messages of 1 MB, eight at once", () =>
      together(100, 8, async () => {
        const answer = await ask({ ...target, token: tokens[0] ?? "", tool: "" }, "tools/call", megabyte);
        if (!answer.includes("result_too_large")) throw new Error(answer.slice(0, 500));
      }),
    );
    const open: http.IncomingMessage[] = [];
    let opened = 0;
    await report(worker, `${streams} stateless streams`, async () => {
      await together(streams, 8, async () => {
        const token = tokens[opened++ % tokens.length] ?? "";
        open.push(await listen({ ...target, token, tool: "" }));
      });
    });
    for (const stream of open) stream.destroy();
  } finally {
    await worker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function report(worker: RunningWorker, what: string, work: () => Promise<void>): Promise<void> {
  await wait(SETTLE_MS);
  await worker.readLiveHeap();
  const before = await worker.readMemory();
  await worker.resetPeak();
  await work();
  const peak = await worker.readPeak();
  const heap = await worker.readLiveHeap();
  if (before === null || peak === null) throw new Error("This system has no /proc to read memory from.");
  const grown = peak - before;
  const verdict = grown + heap < ISOLATE_BYTES ? "" : ` (with the heap over ${inMiB(ISOLATE_BYTES)})`;
  console.log(`| ${what} | ${inMiB(grown)}${verdict} | ${inMiB(heap)} |`);
}

/** Asks once, in the stateless generation. Returns the body. */
async function ask(target: Target, method: string, params: Record<string, unknown>): Promise<string> {
  const name = params.name ?? params.uri;
  const response = await send(target, method, params, typeof name === "string" ? { "mcp-name": name } : {});
  let text = "";
  for await (const part of response.setEncoding("utf8")) text += part;
  return text;
}

/** Opens a stream that is told of changed lists. */
async function listen(target: Target): Promise<http.IncomingMessage> {
  const stream = await send(target, "subscriptions/listen", { notifications: { toolsListChanged: true } });
  if (stream.statusCode !== 200) throw new Error(`The stream was answered with ${stream.statusCode}.`);
  stream.on("error", () => {});
  return stream.resume();
}

function send(
  { port, host, path: place, token }: Target,
  method: string,
  params: object,
  more: Record<string, string> = {},
): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const headers = {
    host,
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": REVISION,
    "mcp-method": method,
    ...more,
  };
  const request = http.request(
    { host: "127.0.0.1", port, path: place, method: "POST", headers, agent: false },
    resolve,
  );
  request.on("error", reject);
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": REVISION,
    "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  request.end(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } }));
  return promise;
}
