import type { Redis } from "ioredis";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { RefusedRequest } from "../connector.ts";
import { boundRows } from "../sql/bound-rows.ts";

/** Bounds of one answer. */
interface Bounds {
  rows: number;
  bytes: number;
}

/** Most bytes of a value: an answer of a tool has 24,000 characters at most. */
const VALUE_BYTES = 16_000;

/** Keys that one SCAN step looks at, and steps of one call. */
const SCAN_COUNT = 500;
const SCAN_STEPS = 20;

/** Members that the first round trip brings, which may be large, and later ones: what is beyond a bound stays at the server. */
const FIRST_BATCH = 5;
const MOST_OF_BATCH = 500;

/** Round trips of one call: a set or a hash may give nothing for many of them. */
const MOST_BATCHES = 100;

/** The value, or what was asked for of it, has more bytes than may come over the socket. */
export function refuseSize(): RefusedRequest {
  return new RefusedRequest({
    code: "result_too_large",
    message: "The value is too large to be read, even in parts.",
    action: "Ask for another key, or for one field of a hash.",
  });
}

/** One key with its value, bounded: the server sends parts of long values. */
export async function readKey(
  client: Redis,
  key: string,
  field: string | null,
  { rows, bytes }: Bounds,
): Promise<JsonValue> {
  const [type, ttl] = await Promise.all([client.type(key), client.pttl(key)]);
  if (type === "none") throw new RefusedRequest({ code: "not_found", message: `There is no key "${key}".` });
  const seconds = ttl < 0 ? null : Math.ceil(ttl / 1_000);
  const found =
    type === "hash" && field !== null
      ? await readField(client, key, field, bytes)
      : await readValue(client, key, type, { rows, bytes: Math.min(bytes, VALUE_BYTES) });
  return { key, type, expires_in_seconds: seconds, ...found };
}

interface FoundValue {
  value: JsonValue;
  size: number;
  cut: boolean;
}

async function readValue(client: Redis, key: string, type: string, bounds: Bounds): Promise<FoundValue> {
  switch (type) {
    case "string": {
      const { bytes } = bounds;
      const [size, value] = await Promise.all([client.strlen(key), client.getrange(key, 0, bytes - 1)]);
      return { value, size, cut: size > bytes };
    }
    case "hash": {
      const size = await client.hlen(key);
      const steps = scanMembers((cursor, count) => client.hscan(key, cursor, "COUNT", count), 2);
      const { rows, cut } = await takeMembers(steps, bounds);
      return { value: Object.fromEntries(rows) as JsonValue, size, cut };
    }
    case "list": {
      const size = await client.llen(key);
      const steps = rangeMembers((from, to) => client.lrange(key, from, to), 1);
      const { rows, cut } = await takeMembers(steps, bounds);
      return { value: rows.map(([member = null]) => member), size, cut };
    }
    case "set": {
      const size = await client.scard(key);
      const { rows, cut } = await takeMembers(
        scanMembers((cursor, count) => client.sscan(key, cursor, "COUNT", count), 1),
        bounds,
      );
      return { value: rows.map(([member = null]) => member), size, cut };
    }
    case "zset": {
      const size = await client.zcard(key);
      const steps = rangeMembers((from, to) => client.zrange(key, String(from), String(to), "WITHSCORES"), 2);
      const { rows, cut } = await takeMembers(steps, bounds);
      return { value: rows.map(([member = null, score]) => ({ member, score: Number(score) })), size, cut };
    }
    case "stream":
      throw new RefusedRequest({
        code: "invalid_input",
        message: "The key holds a stream.",
        action: "Read it with the tool for streams.",
      });
    default:
      throw new RefusedRequest({
        code: "invalid_input",
        message: `Values of the type ${type} cannot be read.`,
      });
  }
}

/** One field of a hash. Redis gives no part of one, so that its length decides whether it is asked for. */
async function readField(client: Redis, key: string, field: string, bytes: number): Promise<FoundValue> {
  const [size, length] = await Promise.all([client.hlen(key), client.hstrlen(key, field)]);
  if (length > bytes) throw refuseSize();
  const whole = await client.hget(key, field);
  const value = whole?.slice(0, VALUE_BYTES) ?? null;
  return { value: { [field]: value }, size, cut: value !== whole };
}

/** Members of a list or a sorted set, in batches. */
async function* rangeMembers(
  read: (from: number, to: number) => Promise<string[]>,
  width: number,
): AsyncGenerator<string[][]> {
  let from = 0;
  for (const count of batchSizes()) {
    const rows = inRows(await read(from, from + count - 1), width);
    yield rows;
    if (rows.length < count) return;
    from += count;
  }
}

/** Members of a set or a hash, in batches. One that changes meanwhile may give a member twice. */
async function* scanMembers(
  read: (cursor: string, count: number) => Promise<[string, string[]]>,
  width: number,
): AsyncGenerator<string[][]> {
  let cursor = "0";
  for (const count of batchSizes()) {
    const [next, flat] = await read(cursor, count);
    yield inRows(flat, width);
    cursor = next;
    if (cursor === "0") return;
  }
}

function* batchSizes(): Generator<number> {
  for (let size = FIRST_BATCH; ; size = Math.min(size * 2, MOST_OF_BATCH)) yield size;
}

/** Takes members until a bound is reached; the rest is not asked for. */
async function takeMembers(
  batches: AsyncGenerator<string[][]>,
  bounds: Bounds,
): Promise<{ rows: JsonValue[][]; cut: boolean }> {
  const taken = boundRows(bounds);
  let left = MOST_BATCHES;
  for await (const rows of batches) {
    left -= 1;
    if (!taken.add(rows)) return taken.result();
    if (left === 0) return { ...taken.result(), cut: true };
  }
  return taken.result();
}

function inRows(flat: readonly string[], width: number): string[][] {
  return Array.from({ length: Math.floor(flat.length / width) }, (_, at) =>
    flat.slice(at * width, (at + 1) * width),
  );
}

/** Keys that begin with a prefix, from a cursor on. */
export async function scanKeys(
  client: Redis,
  prefix: string,
  from: string,
  { rows, bytes }: Bounds,
): Promise<JsonValue> {
  const pattern = `${prefix.replaceAll(/[\\*?[\]^]/g, "\\$&")}*`;
  const keys: string[] = [];
  let left = bytes;
  let cursor = from;
  for (let step = 0; step < SCAN_STEPS && keys.length < rows && left > 0; step += 1) {
    const [next, found] = await client.scan(cursor, "MATCH", pattern, "COUNT", SCAN_COUNT);
    keys.push(...found);
    left -= found.reduce((sum, { length }) => sum + length, 0);
    cursor = next;
    if (cursor === "0") break;
  }
  const types = await Promise.all(keys.map((key) => client.type(key)));
  return {
    keys: keys.map((key, at) => ({ key, type: types[at] ?? "none" })),
    next: cursor === "0" ? null : cursor,
  };
}

/** The newest entries of a stream before an id, newest first. */
export async function tailStream(
  client: Redis,
  key: string,
  before: string,
  bounds: Bounds,
): Promise<JsonValue> {
  const taken = boundRows(bounds);
  let last = before;
  let left = bounds.rows;
  for (const size of batchSizes()) {
    const wanted = Math.min(size, left);
    const from = last === "" ? "+" : last;
    // Servers before 6.2 know no range without its end: the last entry comes again, unless it was deleted meanwhile.
    const found = await client.xrevrange(key, from, "-", "COUNT", last === "" ? wanted : wanted + 1);
    const entries = found.filter(([id]) => id !== last).slice(0, wanted);
    const more = taken.add(entries.map(([id, flat]) => [id, ...flat]));
    last = entries.at(-1)?.[0] ?? last;
    left -= wanted;
    if (!more || entries.length < wanted || left === 0) break;
  }
  return taken.result().rows.map(([id = null, ...flat]) => ({
    id,
    fields: Object.fromEntries(inRows(flat as string[], 2)),
  }));
}
