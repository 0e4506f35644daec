import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { KafkaEntry } from "../../shared/connections/kinds/kafka.ts";
import type { ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import { type OpenedCluster, openCluster } from "../../workers/connections/kafka/driver.ts";

/** Kafka's numbers of the requests that the double answers («Protocol», API keys). */
export const [PRODUCE, FETCH, LIST_OFFSETS, METADATA] = [0, 1, 2, 3] as const;
const API_VERSIONS = 18;

const int8 = (value: number) => Buffer.from([value & 255]);
export const int16 = (value: number) => Buffer.from([value >> 8, value & 255]);
export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}
export const text = (value: string) => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
export const list = (items: readonly Buffer[]) => Buffer.concat([int32(items.length), ...items]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value < 0 ? -2 * value - 1 : 2 * value; ; left = Math.floor(left / 128)) {
    bytes.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) return Buffer.from(bytes);
  }
}
const part = (value: string | null) =>
  value === null ? varint(-1) : Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)]);

/** A record of a batch; `at`: how far its offset is from that of the batch. */
export function record(at: number, value: string, headers: readonly [string, string | null][] = []): Buffer {
  const head = [int8(0), varint(at), varint(at), part(null), part(value), varint(headers.length)];
  const body = Buffer.concat([...head, ...headers.flatMap(([key, own]) => [part(key), part(own)])]);
  return Buffer.concat([varint(body.length), body]);
}

interface BatchOptions {
  isPacked?: boolean;
  /** Number of records that the batch says to have. */
  says?: number;
  attributes?: number;
}

/** A batch of records, whose first one has the offset `first`. */
export function batch(
  first: number,
  records: readonly Buffer[],
  { isPacked = false, says = records.length, attributes = 0 }: BatchOptions = {},
): Buffer {
  const plain = Buffer.concat(records);
  const body = Buffer.concat([
    ...[int32(0), int8(2), int32(0), int16(attributes | (isPacked ? 1 : 0)), int32(records.length - 1)],
    ...[int64(1_000), int64(9_000), int64(-1), int16(-1), int32(-1), int32(says)],
    isPacked ? gzipSync(plain) : plain,
  ]);
  return Buffer.concat([int64(first), int32(body.length), body]);
}

/** The answer to a fetch of one partition. */
export function fetched(batches: Buffer, partition = 0): Buffer {
  const head = [int32(partition), int16(0), int64(0), int64(0), list([])];
  const own = Buffer.concat([...head, int32(batches.length), batches]);
  return Buffer.concat([int32(0), list([Buffer.concat([text("orders"), list([own])])])]);
}

/** The answer to a message that was written to one partition. */
export function produced(partition: number, offset: number): Buffer {
  const own = Buffer.concat([int32(partition), int16(0), int64(offset), int64(-1)]);
  return Buffer.concat([list([Buffer.concat([text("orders"), list([own])])]), int32(0)]);
}

/** An answer as it is sent: its length, the id of its request, and its body. */
export function answerTo(id: number, body: Buffer): Buffer {
  return Buffer.concat([int32(body.length + 4), int32(id), body]);
}

/** What a double of Kafka is asked: the number of the request, its id, and its socket. */
export interface Asked {
  api: number;
  id: number;
  socket: Socket;
  broker: number;
  /** All of it, without its length. */
  bytes: Buffer;
}

export interface KafkaDouble {
  /** The port of the first broker. */
  port: number;
  /** Sockets that are open at this moment, by broker. */
  open(): number[];
  /** Numbers of the requests that came, in their sequence. */
  asked: number[];
  close(): void;
}

interface DoubleOptions {
  brokers?: number;
  /** Offset after the last message of each partition. */
  end?: number;
  /** The name under which the brokers know each other. */
  host?: string;
  /** Answers a request by itself; `undefined` leaves it to the double, `null` gives no answer. */
  answer?(asked: Asked): Buffer | null | undefined;
}

/**
 * A cluster that speaks Kafka's protocol, as far as the driver needs it: the topic `orders` has one partition on each
 * broker, of the same number.
 */
export async function startKafkaDouble(options: DoubleOptions): Promise<KafkaDouble> {
  const { brokers = 1, end = 10, host = "127.0.0.1", answer = () => undefined } = options;
  const open = Array.from({ length: brokers }, () => new Set<Socket>());
  const asked: number[] = [];
  const ports: number[] = [];
  const all = () => Array.from({ length: brokers }, (_, at) => at);
  const usual = ({ api, broker, bytes }: Asked): Buffer => {
    switch (api) {
      case API_VERSIONS: {
        const known = [[PRODUCE, 3] as const, [FETCH, 4] as const, [LIST_OFFSETS, 1] as const];
        const apis = [...known, [METADATA, 0] as const, [API_VERSIONS, 1] as const];
        const rows = apis.map(([key, most]) => Buffer.concat([int16(key), int16(0), int16(most)]));
        return Buffer.concat([int16(0), list(rows), int32(0)]);
      }
      case METADATA: {
        const places = all().map((at) => Buffer.concat([int32(at), text(host), int32(ports[at] ?? 0)]));
        const own = all().map((at) =>
          Buffer.concat([int16(0), int32(at), int32(at), list([int32(at)]), list([int32(at)])]),
        );
        return Buffer.concat([list(places), list([Buffer.concat([int16(0), text("orders"), list(own)])])]);
      }
      case LIST_OFFSETS: {
        // The time comes last; -2 asks for the first offset.
        const first = bytes.readBigInt64BE(bytes.length - 8) === -2n ? 0 : end;
        const own = Buffer.concat([int32(broker), int16(0), int64(0), int64(first)]);
        return list([Buffer.concat([text("orders"), list([own])])]);
      }
      case PRODUCE:
        return produced(broker, end);
      default:
        return fetched(batch(0, [record(0, `of ${broker}`)]), broker);
    }
  };
  const servers: Server[] = [];
  for (const broker of all()) {
    const server = createServer((socket) => {
      open[broker]?.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => open[broker]?.delete(socket));
      let kept = Buffer.alloc(0);
      socket.on("data", (chunk: Buffer) => {
        kept = Buffer.concat([kept, chunk]);
        while (kept.length >= 4 && kept.length >= 4 + kept.readInt32BE(0)) {
          const bytes = kept.subarray(4, 4 + kept.readInt32BE(0));
          const request = { api: bytes.readInt16BE(0), id: bytes.readInt32BE(4), socket, broker, bytes };
          kept = kept.subarray(4 + bytes.length);
          asked.push(request.api);
          const own = answer(request);
          if (own === null) continue;
          socket.write(answerTo(request.id, own ?? usual(request)));
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push((server.address() as AddressInfo).port);
    servers.push(server);
  }
  return {
    port: ports[0] ?? 0,
    open: () => open.map(({ size }) => size),
    asked,
    close() {
      for (const sockets of open) for (const socket of sockets) socket.destroy();
      for (const server of servers) server.close();
    },
  };
}

/** A connection with a double. */
export const targetAt = (port: number): ConnectionTarget => ({
  name: "events",
  revision: "",
  entry: connectionEntry.parse({
    ...{ kind: "kafka", title: "Events", description: "Events.", owner: "shop@people.example" },
    reach: { host: "127.0.0.1", port, tls: "off" },
    ...{ auth: { type: "none" }, expose: { topics: ["orders"] }, produce: ["orders"] },
  }),
});

/** A cluster of the driver, connected with a double. */
export async function openAt(port: number): Promise<OpenedCluster> {
  const opened = await openCluster(targetAt(port).entry as KafkaEntry, null);
  await opened.cluster.connect();
  return opened;
}
