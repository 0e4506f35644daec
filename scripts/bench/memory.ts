import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { GENERATIONS } from "../demo/session.ts";
import { pickPort } from "../local/port.ts";
import { parseWholeNumber } from "../local/whole-number.ts";
import { buildVariant } from "./calls/build.ts";
import { type Client, connectClient } from "./calls/client.ts";
import { signPeopleIn } from "./calls/people.ts";
import { type RunningWorker, startGateway } from "./calls/runtime.ts";
import { GUARDED } from "./calls/variants.ts";
import { measurePeaks } from "./memory/peaks.ts";
import { readBench } from "./options.ts";
import { inMiB } from "./sessions/report.ts";

const HELP = `Measures whether the gateway's memory grows with the calls that it serves: after equal numbers of calls, what is
reachable in the Worker's heap once garbage was collected, and what the runtime's process has in RAM.

With --peaks: how far the process grows at most while it draws pictures, exports 50,000 contacts as CSV, takes and gives messages
of one megabyte, and holds 10,000 streams of the stateless generation, against the 128 MB of an isolate.

  npm run bench -- memory [--points 6] [--calls 1500] [--people 10]
  npm run bench -- memory --peaks [--contacts 50000] [--streams 10000]
`;

/** Idle milliseconds before a measurement, in which outcomes, records and idle objects are flushed. */
const SETTLE_MS = 20_000;

process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

const { values } = readBench("memory");
if (values.help) console.log(HELP);
else if (values.peaks) {
  await measurePeaks({
    contacts: parseWholeNumber("contacts", values.contacts, 200_000),
    streams: parseWholeNumber("streams", values.streams, 20_000),
  });
} else {
  await measure(
    parseWholeNumber("points", values.points, 100),
    parseWholeNumber("calls", values.calls),
    parseWholeNumber("people", values.people, 1_000),
  );
}

async function measure(points: number, calls: number, people: number): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-memory-"));
  const port = await pickPort();
  const publicUrl = `http://localhost:${port}`;
  const { script } = await buildVariant(GUARDED);
  const worker = await startGateway({ script, folder, publicUrl, port, inspectorPort: await pickPort() });
  try {
    const tokens = await signPeopleIn(await worker.migrate(), `${publicUrl}/mcp`, people);
    const target = { port, host: `localhost:${port}`, path: "/mcp", tool: "bench_echo" };
    const clients = await Promise.all(
      tokens.flatMap((token) =>
        GENERATIONS.map((generation) => connectClient(generation, { ...target, token })),
      ),
    );
    console.log("| calls so far | reachable in the Worker's heap | the runtime's process |\n|---|---|---|");
    for (let point = 0; point <= points; point += 1) {
      if (point > 0) await callTogether(clients, calls);
      console.log(`| ${point * calls} | ${await look(worker)} |`);
    }
    for (const client of clients) client.close();
  } finally {
    await worker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes this many calls, shared by the clients; each client makes one call at a time. */
async function callTogether(clients: readonly Client[], calls: number): Promise<void> {
  let left = calls;
  await Promise.all(
    clients.map(async (client) => {
      while (left > 0) {
        left -= 1;
        await client.call();
      }
    }),
  );
}

async function look(worker: RunningWorker): Promise<string> {
  await wait(SETTLE_MS);
  const heap = await worker.readLiveHeap();
  const process = await worker.readMemory();
  return `${inMiB(heap)} | ${process === null ? "unknown" : inMiB(process)}`;
}
