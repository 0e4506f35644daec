import type { Redis } from "ioredis";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { RefusedRequest } from "../connector.ts";

/** Bounds of one answer. */
interface Bounds {
  rows: number;
  bytes: number;
}

/** Most bytes of a string: an answer of a tool has 24,000 characters at most. */
const TEXT_BYTES = 16_000;

/** Keys that one SCAN step looks at, and steps of one call. */
const SCAN_COUNT = 500;
const SCAN_STEPS = 20;

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
  const found = await readValue(client, key, type, field, { rows, bytes });
  return { key, type, expires_in_seconds: seconds, ...found };
}

async function readValue(
  client: Redis,
  key: string,
  type: string,
  field: string | null,
  { rows, bytes }: Bounds,
): Promise<{ value: JsonValue; size: number; cut: boolean }> {
  switch (type) {
    case "string": {
      const most = Math.min(bytes, TEXT_BYTES);
      const [size, value] = await Promise.all([client.strlen(key), client.getrange(key, 0, most - 1)]);
      return { value, size, cut: size > most };
    }
    case "hash": {
      const size = await client.hlen(key);
      if (field !== null) return { value: { [field]: await client.hget(key, field) }, size, cut: false };
      const [, flat] = await client.hscan(key, 0, "COUNT", rows);
      const pairs = Array.from({ length: flat.length / 2 }, (_, at) => [
        flat[at * 2] ?? "",
        flat[at * 2 + 1] ?? "",
      ]);
      return { value: Object.fromEntries(pairs.slice(0, rows)), size, cut: size > rows };
    }
    case "list": {
      const [size, value] = await Promise.all([client.llen(key), client.lrange(key, 0, rows - 1)]);
      return { value, size, cut: size > rows };
    }
    case "set": {
      const [size, [, members]] = await Promise.all([client.scard(key), client.sscan(key, 0, "COUNT", rows)]);
      return { value: members.slice(0, rows), size, cut: size > rows };
    }
    case "zset": {
      const [size, flat] = await Promise.all([
        client.zcard(key),
        client.zrange(key, "0", String(rows - 1), "WITHSCORES"),
      ]);
      const value = Array.from({ length: flat.length / 2 }, (_, at) => ({
        member: flat[at * 2] ?? "",
        score: Number(flat[at * 2 + 1]),
      }));
      return { value, size, cut: size > rows };
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

/** Keys by a pattern, from a cursor on. */
export async function scanKeys(
  client: Redis,
  match: string,
  from: string,
  { rows }: Bounds,
): Promise<JsonValue> {
  const keys: string[] = [];
  let cursor = from;
  for (let step = 0; step < SCAN_STEPS && keys.length < rows; step += 1) {
    const [next, found] = await client.scan(cursor, "MATCH", match, "COUNT", SCAN_COUNT);
    keys.push(...found);
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
  { rows }: Bounds,
): Promise<JsonValue> {
  const end = before === "" ? "+" : `(${before}`;
  const entries = await client.xrevrange(key, end, "-", "COUNT", rows);
  return entries.map(([id, flat]) => ({
    id,
    fields: Object.fromEntries(
      Array.from({ length: flat.length / 2 }, (_, at) => [flat[at * 2] ?? "", flat[at * 2 + 1] ?? ""]),
    ),
  }));
}
