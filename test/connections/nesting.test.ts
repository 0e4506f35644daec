import { createServer as createHttp } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { BSON, Code, DBRef, Decimal128, MaxKey, ObjectId, Timestamp } from "mongodb";
import { afterEach, describe, expect, it } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import { clickhouse } from "../../workers/connections/clickhouse/connector.ts";
import type { Connector, Session, SessionCaller } from "../../workers/connections/connector.ts";
import { peek } from "../../workers/connections/kafka/read-messages.ts";
import { checkBson } from "../../workers/connections/mongodb/bson-depth.ts";
import { mongodb } from "../../workers/connections/mongodb/connector.ts";
import { isNestedTooDeep } from "../../workers/connections/nesting.ts";
import { redis } from "../../workers/connections/redis/connector.ts";
import { boundRows } from "../../workers/connections/sql/bound-rows.ts";
import { startMongodbDouble } from "../support/mongodb-double.ts";
import { batch, FETCH, fetched, openAt, record, startKafkaDouble } from "./kafka-double.ts";
import { closeDoubles, serve } from "./search-double.ts";

const DEEP = 100_000;
const lists = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const TOO_DEEP = {
  failure: { code: "result_too_large", message: expect.stringContaining("nested more than") },
};

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
  closeDoubles();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const COMMON = { title: "Shop", description: "Shop.", owner: "x" };

async function openAs(connector: Connector, entry: object) {
  const target: ConnectionTarget = {
    ...{ name: "shop", revision: "", entry: connectionEntry.parse({ ...COMMON, ...entry }) },
  };
  const session: Session = await connector.open({} as Env, target, "only-reads", new Map());
  closing.push(() => session.close());
  const about = { id: "1", identity: {}, timeoutMs: 3_000, repeatable: true, note: "test" };
  const caller = { checkCancelled: () => {} } as SessionCaller;
  return async (operation: string, args: Record<string, JsonValue>) =>
    await session.run(target, { ...about, operation, arguments: args }, 3_000, caller);
}

/** An object of BSON in an object, so many levels deep. */
function deepBson(levels: number): Buffer {
  const bytes = Buffer.alloc(8 * levels - 3);
  for (let level = 0, at = 0; level < levels; level += 1, at += 7) {
    bytes.writeInt32LE(8 * (levels - level) - 3, at);
    if (level < levels - 1) bytes.write("\x03a\0", at + 4, "latin1");
  }
  return bytes;
}

describe("an answer that is nested 100,000 levels deep ends in a sentence:", () => {
  it("of Redis, before the driver has it, and its socket is closed", async () => {
    const open = new Set<object>();
    const server = createServer((socket) => {
      open.add(socket);
      socket.on("close", () => open.delete(socket)).on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        for (const [command] of chunk.toString("latin1").matchAll(/\*\d+\r\n\$\d+\r\n\w+/g))
          socket.write(command.endsWith("type") ? "*1\r\n".repeat(DEEP) : "+OK\r\n");
      });
    });
    const reach = { host: "127.0.0.1", port: await listen(server), tls: "off", user: "reader" };
    const run = await openAs(redis, { kind: "redis", reach, expose: { prefixes: ["a"] } });
    await expect(run("get", { key: "a", field: null, rows: 5 })).rejects.toMatchObject(TOO_DEEP);
    await expect.poll(() => open.size).toBe(0);
  });

  it("of MongoDB, before the driver has it, and its session goes on", async () => {
    let isDeep = true;
    const double = await startMongodbDouble({
      ...{ user: "reader", password: "only-reads", collections: { orders: [{ a: 1 }] }, privileges: [] },
      answer(command) {
        if (!("aggregate" in command) || !isDeep) return undefined;
        const head = Buffer.alloc(21);
        const document = deepBson(DEEP);
        head.writeInt32LE(head.length + document.length, 0);
        head.writeInt32LE(2013, 12);
        return Buffer.concat([head, document]);
      },
    });
    closing.push(double.close);
    const reach = { host: "127.0.0.1", port: double.port, tls: "off", database: "shop", user: "reader" };
    const run = await openAs(mongodb, { kind: "mongodb", reach, expose: { collections: ["orders"] } });
    const asked = { collection: "orders", stages: [], rows: 5, bytes: 9_000 };
    await expect(run("aggregate", asked)).rejects.toMatchObject(TOO_DEEP);
    isDeep = false;
    expect(await run("aggregate", asked)).toMatchObject({ documents: [{ a: 1 }] });
  });

  it("of Elasticsearch", async () => {
    const body = `{"hits":{"hits":[{"_index":"orders","_id":"1","_source":{"a":${lists(DEEP)}}}]}}`;
    const { run } = await serve("elasticsearch", { _search: [200, body] });
    const asked = run("search", { indices: ["orders"], body: {}, rows: 5, from: 0, bytes: 9_000 });
    await expect(asked).rejects.toMatchObject(TOO_DEEP);
  });

  it("of ClickHouse", async () => {
    const server = createHttp((request, response) => {
      let sql = "";
      request.on("data", (chunk) => {
        sql += chunk;
      });
      const own = `["version","readonly","seconds"]\n["String","UInt8","UInt64"]\n["26.9",1,10]\n`;
      request.on("end", () =>
        response.end(sql.includes("version()") ? own : `["a"]\n["JSON"]\n[${lists(DEEP)}]\n`),
      );
    });
    const reach = {
      host: "127.0.0.1",
      port: await listen(server),
      tls: "off",
      database: "web",
      user: "reader",
    };
    const run = await openAs(clickhouse, { kind: "clickhouse", reach, expose: { tables: ["web.*"] } });
    const asked = run("query", { sql: "SELECT 1", values: [], rows: 5, bytes: 9_000 });
    await expect(asked).rejects.toMatchObject(TOO_DEEP);
  });

  it("of a driver of an SQL database that has parsed a column of JSON", () => {
    const deep = JSON.parse(lists(DEEP)) as unknown;
    expect(() => boundRows({ rows: 5, bytes: 9_000 }).add([[deep]])).toThrow("nested more than");
  });
});

it("a document of MongoDB that has 200 levels is read, and what is deeper than 100 is null", async () => {
  const double = await startMongodbDouble({
    ...{ user: "reader", password: "only-reads", privileges: [] },
    collections: { orders: [{ a: BSON.deserialize(deepBson(199)), b: 1 }] },
  });
  closing.push(double.close);
  const reach = { host: "127.0.0.1", port: double.port, tls: "off", database: "shop", user: "reader" };
  const run = await openAs(mongodb, { kind: "mongodb", reach, expose: { collections: ["orders"] } });
  const given = JSON.stringify(
    await run("aggregate", { collection: "orders", stages: [], rows: 5, bytes: 9_000 }),
  );
  expect(given.match(/"a":/g)).toHaveLength(101);
  expect(given).toContain('{"a":null}');
  expect(given).toContain('"b":1');
});

it("a message of Kafka that is nested too deeply is shown as text", async () => {
  const value = lists(5_000);
  const answer = ({ api }: { api: number }) =>
    api === FETCH ? fetched(batch(0, [record(0, value)])) : undefined;
  const double = await startKafkaDouble({ end: 1, answer });
  closing.push(double.close);
  const { cluster, close } = await openAt(double.port);
  closing.push(close);
  const asked = {
    operation: "peek",
    topic: "orders",
    partition: null,
    from: { offset: "0" },
    rows: 9,
  } as const;
  expect(await peek(cluster, { ...asked, bytes: 90_000 }, 5_000)).toMatchObject({ messages: [{ value }] });
});

it("a column of JSON that is nested too deeply is shown as text", () => {
  const rows = boundRows({ rows: 5, bytes: 9_000 });
  rows.add([[JSON.parse(lists(101))], [JSON.parse(lists(100))]]);
  expect(rows.result().rows).toEqual([[lists(101)], [JSON.parse(lists(100))]]);
});

it("levels are counted outside of texts", () => {
  expect(isNestedTooDeep(lists(100))).toBe(false);
  expect(isNestedTooDeep(`{"a":${lists(100)}}`)).toBe(true);
  expect(isNestedTooDeep(JSON.stringify([`\\"${"[".repeat(500)}`, "\\", "{".repeat(500)]))).toBe(false);
});

describe("a document of BSON", () => {
  const whole = {
    ...{ a: 1, b: "text", c: { d: [1, "x", null] }, e: new ObjectId(), f: new Date(0), g: /x/i, h: 5n },
    ...{ i: Buffer.from("abc"), j: new Code("return 1", { k: { l: 1 } }), m: new Code("x"), n: true },
    ...{ o: Decimal128.fromString("1.5"), p: new Timestamp({ t: 1, i: 2 }), q: new MaxKey(), r: 2.5 },
    s: new DBRef("people", new ObjectId()),
  };

  it("of every type is passed over to its end", () => {
    const bytes = BSON.serialize(whole);
    expect(checkBson(bytes, 0)).toBeNull();
    expect(checkBson(Buffer.concat([Buffer.alloc(7), bytes]), 7)).toBeNull();
    expect(checkBson(deepBson(203), 0)).toBeNull();
    expect(checkBson(deepBson(204), 0)?.message).toContain("nested more than 200");
  });

  it("whose lengths do not fit is refused, wherever it is cut or changed", () => {
    const bytes = BSON.serialize(whole);
    for (let length = 0; length < bytes.length; length += 1)
      expect(checkBson(bytes.subarray(0, length), 0)?.message, `${length}`).toContain("not built");
    const lying = Buffer.from(BSON.serialize({ a: { b: 1 }, c: { d: 1 } }));
    lying.writeInt32LE(lying.readInt32LE(7) + 4, 7);
    expect(checkBson(lying, 0)?.message).toContain("not built");
  });
});
