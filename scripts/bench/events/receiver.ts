import http from "node:http";
import type { AddressInfo } from "node:net";

/** Share of attempts that fail, and how often one message may. */
const [FAILING, MOST_FAILURES] = [0.1, 3];

/** A receiver that fails now and then. */
export interface FlakyReceiver {
  url: string;
  /** How often each event was taken, by its id. */
  taken: ReadonlyMap<string, number>;
  attempts: number;
  refused: number;
  gaps: number;
  ends: number;
  close(): void;
}

/** Starts a receiver whose failures are the same for the same seed and order of arrival. */
export async function startFlakyReceiver(seed: number): Promise<FlakyReceiver> {
  const taken = new Map<string, number>();
  const failures = new Map<string, number>();
  const random = randomFrom(seed);
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as {
        type?: string;
        challenge?: string;
        eventId?: string;
      };
      if (body.type === "verification")
        return void response.end(JSON.stringify({ challenge: body.challenge }));
      if (body.type === "gap") receiver.gaps += 1;
      if (body.type === "terminated") receiver.ends += 1;
      const id = body.eventId;
      if (id === undefined) return void response.writeHead(204).end();
      receiver.attempts += 1;
      const failed = failures.get(id) ?? 0;
      if (random() < FAILING && failed < MOST_FAILURES) {
        failures.set(id, failed + 1);
        receiver.refused += 1;
        const kind = random();
        // No answer in time is the slowest, so it is the rarest.
        if (kind < 0.6) return void response.writeHead(503).end();
        if (kind < 0.98) return void response.destroy();
        return;
      }
      taken.set(id, (taken.get(id) ?? 0) + 1);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: FlakyReceiver = {
    url: `http://127.0.0.1:${port}/events`,
    ...{ taken, attempts: 0, refused: 0, gaps: 0, ends: 0 },
    close: () => server.close(),
  };
  return receiver;
}

/** A small generator (mulberry32), the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
