import { promisify } from "node:util";
import { unzip } from "node:zlib";
import { RefusedRequest } from "../connector.ts";
import type { RawMessage } from "./driver.ts";

/** Most bytes that the compressed batches of one answer may have once they are unpacked. */
const MOST_UNPACKED = 4_000_000;

/** Most messages and batches of one answer, most headers of all of them, and of one message. Each is an object. */
const MOST_MESSAGES = 10_000;
const MOST_HEADERS = 50_000;
const MOST_HEADERS_EACH = 1_000;

/** Bytes of a batch before its records, after its offset and length (Kafka, «Record Batch»). */
const HEAD = 49;

/** Where the version of a batch is. Earlier formats have theirs at the same place. */
const MAGIC_AT = 16;
const MAGIC = 2;

const CODEC = 7;
const GZIP = 1;
const LOG_APPEND_TIME = 8;
const CONTROL = 32;

/** What is left of one answer. */
export interface Room {
  bytes: number;
  messages: number;
  headers: number;
}

/** The room of one answer. */
export function emptyRoom(): Room {
  return { bytes: MOST_UNPACKED, messages: MOST_MESSAGES, headers: MOST_HEADERS };
}

/** An answer of Kafka that contradicts itself. */
export class UnreadableAnswer extends Error {
  constructor() {
    super("The answer of Kafka does not read as its protocol says.");
    this.name = "UnreadableAnswer";
  }
}

/** Bytes, read one value after the other. Throws {@link UnreadableAnswer} at their end. */
export class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.byteLength - this.at;
  }

  /** The place of the next `length` bytes, which are read. */
  skip(length: number): number {
    if (!(length >= 0 && length <= this.left)) throw new UnreadableAnswer();
    const from = this.at;
    this.at += length;
    return from;
  }

  int8(): number {
    return this.#view.getInt8(this.skip(1));
  }

  int16(): number {
    return this.#view.getInt16(this.skip(2));
  }

  int32(): number {
    return this.#view.getInt32(this.skip(4));
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.skip(8));
  }

  bytes(length: number): Uint8Array {
    const from = this.skip(length);
    return this.#bytes.subarray(from, from + length);
  }

  text(length: number): string {
    return new TextDecoder().decode(this.bytes(length));
  }

  /** A number of at most 32 bits, in zigzag and pieces of seven bits. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const piece = this.#view.getUint8(this.skip(1));
      value |= (piece & 127) << shift;
      if (piece < 128) return (value >>> 1) ^ -(value & 1);
    }
    throw new UnreadableAnswer();
  }

  varlong(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const piece = this.#view.getUint8(this.skip(1));
      value |= BigInt(piece & 127) << shift;
      if (piece < 128) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw new UnreadableAnswer();
  }

  /** Passes over a number in pieces of seven bits. */
  skipNumber(): void {
    while (this.#view.getUint8(this.skip(1)) > 127);
  }

  /** Bytes after their length; -1 says that there are none. */
  part(): Uint8Array | null {
    const length = this.varint();
    return length === -1 ? null : this.bytes(length);
  }
}

interface Batch {
  first: bigint;
  firstTime: bigint;
  /** The broker's time of the batch, where its messages have that one. */
  appended: bigint | null;
  isControlRecord: boolean;
}

/**
 * The messages of one partition from an offset on, as far as the answer has room for them: what is left is there for the
 * next fetch. Throws {@link RefusedRequest} where no room would be enough.
 */
export async function readBatches(bytes: Uint8Array, from: bigint, room: Room): Promise<RawMessage[]> {
  const found: RawMessage[] = [];
  const reader = new Reader(bytes);
  try {
    while (reader.left >= HEAD + 12 && (await readBatch(bytes, reader, { from, room, found })));
  } catch (failure) {
    // It may be behind all that is wanted, and refuses the next fetch if it is not.
    if (!(failure instanceof RefusedRequest) || found.length === 0) throw failure;
  }
  return found;
}

interface Reading {
  from: bigint;
  room: Room;
  found: RawMessage[];
}

/** Appends the messages of the next batch to `found`. `false` when it is the last one, or the answer has no more room. */
async function readBatch(bytes: Uint8Array, all: Reader, { from, room, found }: Reading): Promise<boolean> {
  if (bytes[all.at + MAGIC_AT] !== MAGIC) throw refuse("The messages are in a format before Kafka 0.11.");
  if (room.messages <= 0) return false;
  const first = all.int64();
  const length = all.int32();
  // The last batch of an answer may be a part of one.
  if (length > all.left) return false;
  if (length < HEAD) throw new UnreadableAnswer();
  const reader = new Reader(all.bytes(length));
  // The epoch of the leader, the version, and the checksum.
  reader.skip(9);
  const attributes = reader.int16();
  // The last offset.
  reader.skip(4);
  const [firstTime, lastTime] = [reader.int64(), reader.int64()];
  // The producer, its epoch, and its sequence.
  reader.skip(14);
  const count = reader.int32();
  room.messages -= 1;
  const packed = reader.bytes(reader.left);
  const plain = await unpack(packed, attributes & CODEC, room);
  if (plain === null) return false;
  const batch: Batch = {
    first,
    firstTime,
    appended: (attributes & LOG_APPEND_TIME) > 0 ? lastTime : null,
    isControlRecord: (attributes & CONTROL) > 0,
  };
  const records = new Reader(plain);
  const before = Number(from - first);
  for (let at = 0; at < count; at += 1) {
    const length = records.varint();
    const start = records.at;
    // Of a message before the wanted offset nothing else is read.
    records.skip(1);
    records.skipNumber();
    const isWanted = records.varint() >= before;
    records.at = start;
    if (!isWanted) {
      records.skip(length);
      continue;
    }
    if (room.messages <= 0 || room.headers < MOST_HEADERS_EACH) return false;
    found.push(readRecord(new Reader(records.bytes(length)), batch, room));
  }
  return true;
}

function readRecord(
  reader: Reader,
  { first, firstTime, appended, isControlRecord }: Batch,
  room: Room,
): RawMessage {
  reader.skip(1);
  const delta = reader.varlong();
  const offset = first + BigInt(reader.varint());
  room.messages -= 1;
  const [key, value] = [reader.part(), reader.part()];
  const headers = readHeaders(reader, room);
  const timestamp = String(appended ?? firstTime + delta);
  return { offset: String(offset), timestamp, key, value, headers, isControlRecord };
}

/** Headers in one object, which a name of JavaScript's own such as `__proto__` does not change. */
function readHeaders(reader: Reader, room: Room): NonNullable<RawMessage["headers"]> {
  const count = reader.varint();
  if (count > reader.left) throw new UnreadableAnswer();
  if (count > MOST_HEADERS_EACH) throw refuseSize(`A message has more than ${MOST_HEADERS_EACH} headers.`);
  const headers: NonNullable<RawMessage["headers"]> = Object.create(null);
  for (let at = 0; at < count; at += 1) {
    room.headers -= 1;
    const name = reader.text(reader.varint());
    const value = reader.part();
    const former = headers[name];
    if (former === undefined) headers[name] = value;
    else if (Array.isArray(former)) former.push(value);
    else headers[name] = [former, value];
  }
  return headers;
}

/** The bytes of a batch; `null` when the answer has unpacked so much before that they wait for the next fetch. */
async function unpack(packed: Uint8Array, codec: number, room: Room): Promise<Uint8Array | null> {
  if (codec === 0) return packed;
  if (codec !== GZIP)
    throw refuse("The messages are compressed in a way that is not read here (all but gzip).");
  // A kilobyte of gzip may hold a megabyte.
  const isFirst = room.bytes === MOST_UNPACKED;
  if (room.bytes <= 0) return null;
  try {
    const unpacked = await promisify(unzip)(packed, { maxOutputLength: room.bytes });
    room.bytes -= unpacked.byteLength;
    return unpacked;
  } catch (failure) {
    // Node and the Workers runtime word it differently.
    if ((failure as Error).name !== "RangeError") throw failure;
    // The same batch is the first one of another fetch.
    if (!isFirst) {
      room.bytes = 0;
      return null;
    }
    throw refuseSize("The messages are too large to be read once they are unpacked.");
  }
}

function refuse(message: string): RefusedRequest {
  return new RefusedRequest({ code: "invalid_input", message });
}

function refuseSize(message: string): RefusedRequest {
  const action = "Ask for one partition, and from another offset on.";
  return new RefusedRequest({ code: "result_too_large", message, action });
}
