import type { DriverSocket } from "./bounds.ts";
import type { Cluster } from "./driver.ts";
import { checkObjects } from "./metadata.ts";
import { UnreadableAnswer } from "./records.ts";

/** Most sockets to the brokers of a cluster that an object has at the same moment. */
const MOST_SOCKETS = 5;

/** Said in the driver's error of a socket, which keeps nothing of it but the message. */
const TOO_MANY = "More brokers are needed than an object may have sockets.";

/** The part of a broker of the driver that is used. */
interface DriverBroker {
  nodeId: number | string | null;
  connectionPool: { pool: { socket?: DriverSocket }[] };
  isConnected(): boolean;
  disconnect(): Promise<void>;
}

/** The brokers that the driver knows of a cluster, and the one that it asks for the others. */
interface BrokerPool {
  brokers: Record<string, DriverBroker>;
  seedBroker?: DriverBroker;
  connectBroker(broker: DriverBroker): Promise<void>;
  findConnectedBroker(): Promise<DriverBroker>;
  withBroker(use: (one: { nodeId: string; broker: DriverBroker }) => Promise<unknown>): Promise<unknown>;
}

/** The part of the driver's decoder that is changed. */
interface DriverDecoder {
  buffer: Uint8Array;
  offset: number;
  /** Objects that arrays of this answer have given. */
  objects?: number;
  readInt32(): number;
  readVarInt(): number;
  readUVarInt(): number;
  readUVarIntBytes(): unknown;
}

interface DriverArrays {
  readArray(read: (decoder: DriverDecoder) => unknown): unknown[];
  readVarIntArray(read: (decoder: DriverDecoder) => unknown): unknown[];
  readUVarIntArray(read: (decoder: DriverDecoder) => unknown): unknown[] | null;
  readArrayAsync(read: (decoder: DriverDecoder) => Promise<unknown>): Promise<unknown[]>;
  readTaggedFields(): object | null;
}

/** Throws {@link UnreadableAnswer} where an array says to be longer than the bytes that are there: each item has one at least. */
function checkLength({ buffer, offset }: DriverDecoder, length: number): number {
  if (length > buffer.byteLength - offset) throw new UnreadableAnswer();
  return length;
}

/** Throws {@link UnreadableAnswer} where an answer has too many objects; numbers and texts are as large as their bytes. */
function countItem(decoder: DriverDecoder, item: unknown): void {
  if (typeof item !== "object" || item === null) return;
  decoder.objects = (decoder.objects ?? 0) + 1;
  checkObjects(decoder.objects);
}

function readItems<Item>(
  decoder: DriverDecoder,
  length: number,
  read: (decoder: DriverDecoder) => Item,
): Item[] {
  const items: Item[] = [];
  for (let left = checkLength(decoder, length); left > 0; left -= 1) {
    const item = read(decoder);
    countItem(decoder, item);
    items.push(item);
  }
  return items;
}

const ARRAYS: DriverArrays & ThisType<DriverDecoder> = {
  readArray(read) {
    return readItems(this, this.readInt32(), read);
  },
  readVarIntArray(read) {
    return readItems(this, this.readVarInt(), read);
  },
  readUVarIntArray(read) {
    const length = this.readUVarInt();
    return length === 0 ? null : readItems(this, length - 1, read);
  },
  async readArrayAsync(read) {
    const items: unknown[] = [];
    for (let left = checkLength(this, this.readInt32()); left > 0; left -= 1) {
      const item = await read(this);
      countItem(this, item);
      items.push(item);
    }
    return items;
  },
  readTaggedFields() {
    const count = checkLength(this, this.readUVarInt());
    for (let left = count; left > 0; left -= 1) {
      this.readUVarInt();
      this.readUVarIntBytes();
    }
    return count === 0 ? null : {};
  },
};

/**
 * Lets the driver send fetches over the connection of all other requests, since it makes a second one of each broker for
 * them, and read arrays only as long as there are bytes: it takes memory for as many items as an answer says.
 */
export async function changeDriver(): Promise<void> {
  const [{ default: Pool }, { default: Decoder }] = (await Promise.all([
    import("kafkajs/src/network/connectionPool.js"),
    import("kafkajs/src/protocol/decoder.js"),
  ])) as [
    { default: { prototype: { getConnection(at: number): unknown; getConnectionByRequest(): unknown } } },
    { default: { prototype: DriverDecoder & DriverArrays } },
  ];
  Pool.prototype.getConnectionByRequest = function () {
    return this.getConnection(0);
  };
  Object.assign(Decoder.prototype, ARRAYS);
}

/**
 * Keeps a cluster to one socket for each broker that it needs. The first socket is closed once a broker is connected, unless it is
 * one of theirs, and what any broker knows is asked of one that is connected.
 */
export function boundBrokers(cluster: Cluster): void {
  const { brokerPool } = cluster as unknown as { brokerPool: BrokerPool };
  const connect = brokerPool.connectBroker.bind(brokerPool);
  brokerPool.connectBroker = async (broker) => {
    await connect(broker);
    const { seedBroker, brokers } = brokerPool;
    if (seedBroker === undefined || Object.values(brokers).includes(seedBroker)) return;
    if (broker === seedBroker || !seedBroker.isConnected()) return;
    await seedBroker.disconnect();
    for (const { socket } of seedBroker.connectionPool.pool) socket?.destroy();
  };
  brokerPool.withBroker = async (use) => {
    const broker = await brokerPool.findConnectedBroker();
    // The driver has words for `null`.
    return await use({ nodeId: String(broker.nodeId), broker }).catch(() => null);
  };
}

/** Throws where one more socket would be too many for an object. */
export function checkSockets(open: number): void {
  if (open >= MOST_SOCKETS) throw new Error(TOO_MANY);
}

/** Whether a failure of the driver comes from {@link checkSockets}. */
export function needsTooManyBrokers({ message }: Error): boolean {
  return message.includes(TOO_MANY);
}
