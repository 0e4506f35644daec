import http from "node:http";
import { parseWholeNumber } from "../local/whole-number.ts";
import { type Client, connectClient } from "./calls/client.ts";
import { runLoad } from "./calls/load.ts";
import { signPeopleIn } from "./calls/people.ts";
import { type BenchGateway, runOnGateway } from "./calls/run-on-gateway.ts";
import { median, percentile } from "./calls/statistics.ts";
import { readBench } from "./options.ts";

const HELP = `Measures the calls of one client while other clients send slowly, or send much.

  npm run bench -- slow-clients [--connections 350] [--bodies 50] [--seconds 6] [--rounds 3]

--connections: that many messages of which a byte a second arrives. --bodies: that many messages of 4 MB at a time, again and
again. Each round measures both, and the same calls without them.
`;

/** A byte less than the most that the gateway reads of one message. */
const BODY_BYTES = 4 * 1024 * 1024 - 1;
const TRICKLE_MS = 1_000;
/** As small as most messages are: a large one is refused as soon as too many are being read. */
const TRICKLE_BYTES = 1_000;

/** What other clients do while the calls are measured. */
interface Neighbour {
  what: string;
  /** Begins. Returns how to end it, and what was answered meanwhile. */
  begin(): Promise<{ end(): Promise<void>; answers: ReadonlyMap<number, number> }>;
}

/** Where the messages of the others go, and under whose token. */
interface Place {
  port: number;
  token: string;
}

const { values } = readBench("slow-clients");
if (values.help) console.log(HELP);
else await runOnGateway("slow", run);

async function run(start: () => Promise<BenchGateway>): Promise<void> {
  const [connections, bodies, seconds, rounds] = (
    ["connections", "bodies", "seconds", "rounds"] as const
  ).map((name) => parseWholeNumber(name, values[name])) as [number, number, number, number];
  const { port, publicUrl, platform } = await start();
  const [own = "", other = ""] = await signPeopleIn(platform, `${publicUrl}/mcp`, 2);
  const target = { port, host: `localhost:${port}`, path: "/mcp", tool: "bench_echo" };
  const client = await connectClient("stateless", { ...target, token: own });
  const place = { port, token: other };
  const neighbours: Neighbour[] = [
    { what: "alone", begin: async () => ({ end: async () => {}, answers: new Map() }) },
    { what: `${connections} slow messages`, begin: () => trickle(place, connections) },
    { what: `${bodies} messages of 4 MB at a time`, begin: () => sendLarge(place, bodies) },
  ];
  const found = neighbours.map(() => ({
    p50: [] as number[],
    p95: [] as number[],
    answers: new Set<number>(),
  }));
  await runLoad([client], 1_000);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, neighbour] of neighbours.entries()) {
      const { end, answers } = await neighbour.begin();
      const { times } = await runLoad([client], seconds * 1_000);
      await end();
      found[index]?.p50.push(percentile(times, 0.5));
      found[index]?.p95.push(percentile(times, 0.95));
      for (const status of answers.keys()) found[index]?.answers.add(status);
    }
  }
  print(neighbours, found, client);
}

function print(
  neighbours: readonly Neighbour[],
  found: readonly { p50: number[]; p95: number[]; answers: Set<number> }[],
  client: Client,
): void {
  client.close();
  console.log("| the other clients | p50 of a call | p95 | statuses that they got |\n|---|---|---|---|");
  for (const [index, { what }] of neighbours.entries()) {
    const { p50, p95, answers } = found[index] ?? { p50: [], p95: [], answers: new Set<number>() };
    const statuses = [...answers].sort().join(", ");
    console.log(`| ${what} | ${median(p50).toFixed(1)} ms | ${median(p95).toFixed(1)} ms | ${statuses} |`);
  }
}

/** Messages that never end: each sends a byte a second. */
async function trickle(place: Place, count: number): ReturnType<Neighbour["begin"]> {
  const answers = new Map<number, number>();
  const requests = Array.from({ length: count }, () => {
    const request = post(place, TRICKLE_BYTES, (status) =>
      answers.set(status, (answers.get(status) ?? 0) + 1),
    );
    request.write('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":"');
    return request;
  });
  const timer = setInterval(() => {
    for (const request of requests) if (!request.destroyed) request.write("x");
  }, TRICKLE_MS);
  return {
    answers,
    async end() {
      clearInterval(timer);
      for (const request of requests) request.destroy();
    },
  };
}

/** Clients that send a message of 4 MB, and the next as soon as one is answered. */
async function sendLarge(place: Place, count: number): ReturnType<Neighbour["begin"]> {
  const answers = new Map<number, number>();
  const text = `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"`;
  const body = Buffer.from(`${text}${"x".repeat(BODY_BYTES - text.length - 3)}"}}`);
  let isOver = false;
  const keepSending = async () => {
    while (!isOver) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const request = post(place, body.length, (status) =>
        answers.set(status, (answers.get(status) ?? 0) + 1),
      );
      request.once("close", resolve);
      request.end(body);
      await promise;
    }
  };
  const senders = Array.from({ length: count }, keepSending);
  return {
    answers,
    async end() {
      isOver = true;
      await Promise.all(senders);
    },
  };
}

function post(
  { port, token }: Place,
  length: number,
  onStatus: (status: number) => void,
): http.ClientRequest {
  const headers = {
    host: `localhost:${port}`,
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "content-length": String(length),
  };
  const place = { host: "127.0.0.1", port, path: "/mcp", method: "POST", agent: false };
  const request = http.request({ ...place, headers }, (response) => {
    onStatus(response.statusCode ?? 0);
    response.resume();
  });
  request.on("error", () => {
    // The gateway may answer and close before the whole message has arrived.
  });
  return request;
}
