import { deflateSync } from "node:zlib";
import { type MongoClient, ObjectId, UUID } from "mongodb";
import { afterEach, describe, expect, it, vi } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ConnectionRequest, ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import { RefusedRequest, type SessionCaller } from "../../workers/connections/connector.ts";
import type { DocumentSource } from "../../workers/connections/documents/source.ts";
import { mongodb } from "../../workers/connections/mongodb/connector.ts";
import type { SharedClient } from "../../workers/connections/shared-client.ts";
import {
  type MongodbBehaviour,
  type MongodbDouble,
  refuse,
  startMongodbDouble,
} from "../support/mongodb-double.ts";

const doubles: MongodbDouble[] = [];
const closing: (() => void)[] = [];

const CALLER = {} as SessionCaller;

afterEach(() => {
  for (const close of closing.splice(0)) close();
  for (const double of doubles.splice(0)) double.close();
});

const READER = {
  resource: { db: "shop", collection: "" },
  actions: ["find", "listCollections", "collStats"],
};

async function open(behaviour: Partial<MongodbBehaviour> = {}, sessions = 1, password = "only-reads") {
  const double = await startMongodbDouble({
    user: "reader",
    password: "only-reads",
    collections: {},
    privileges: [READER],
    ...behaviour,
  });
  doubles.push(double);
  const entry = connectionEntry.parse({
    kind: "mongodb",
    title: "Orders",
    description: "Orders of the web shop.",
    owner: "shop@people.example",
    reach: { host: "127.0.0.1", port: double.port, tls: "off", database: "shop", user: "reader" },
    expose: { collections: ["orders", "peop*"], except: ["people_private"] },
    classes: { "orders/customer.emial": "pii", "orders/note": "pii" },
  });
  const target: ConnectionTarget = { name: "orders", revision: "r", entry };
  const memory = new Map<string, unknown>();
  const all = await Promise.all(
    Array.from({ length: sessions }, () => mongodb.open({} as Env, target, password, memory)),
  );
  closing.push(() => {
    for (const session of all) session.close();
  });
  const [session] = all;
  if (session === undefined) throw new Error("No session.");
  const run = (stages: JsonValue, { rows = 5, bytes = 10_000, of = session } = {}) =>
    of.run(target, requestOf("aggregate", { collection: "orders", stages, rows, bytes }), 3_000, CALLER);
  return { double, target, session, sessions: all, memory, run };
}

/** A message with a head (MongoDB, «Wire protocol»). */
function frameOf(opCode: number, body: Buffer, size = 16 + body.length): Buffer {
  const head = Buffer.alloc(16);
  head.writeInt32LE(size, 0);
  head.writeInt32LE(opCode, 12);
  return Buffer.concat([head, body]);
}

/** The body of a compressed message (OP_COMPRESSED) that unpacks to so many zeros. */
function packZeros(count: number): Buffer {
  const about = Buffer.alloc(9);
  about.writeInt32LE(2013, 0);
  about.writeInt32LE(count, 4);
  about[8] = 2;
  return Buffer.concat([about, deflateSync(Buffer.alloc(count))]);
}

function requestOf(operation: string, args: Record<string, JsonValue>): ConnectionRequest {
  const note = "gatehouse user=u trace=t";
  return { id: "1", operation, arguments: args, identity: {}, timeoutMs: 3_000, repeatable: true, note };
}

describe("a session with MongoDB, against a double of its wire protocol", () => {
  it("signs in, sends stages with values and bounds, and gives documents as JSON", async () => {
    const id = new ObjectId("65f000000000000000000000");
    const placed_at = new Date("2026-01-02T03:04:05Z");
    const { double, run } = await open({
      collections: {
        orders: [
          {
            _id: id,
            total: 9007199254740993n,
            count: 5n,
            placed_at,
            uuid: new UUID("0".repeat(32)),
            raw: Buffer.alloc(9),
          },
        ],
      },
    });
    const stages = [
      { $match: { _id: { $in: [{ $oid: String(id) }] }, placed_at: { $gte: { $date: "2026-01-01" } } } },
      {
        $match: { name: { $regex: "a", $options: "i", $ne: "b" }, big: { $numberLong: "9007199254740993" } },
      },
    ];
    expect(await run(stages)).toEqual({
      documents: [
        {
          _id: String(id),
          total: "9007199254740993",
          count: 5,
          placed_at: "2026-01-02T03:04:05.000Z",
          uuid: "00000000-0000-0000-0000-000000000000",
          raw: "9 bytes",
        },
      ],
      cut: false,
    });
    const sent = double.asked.find((command) => "aggregate" in command);
    expect(sent).toMatchObject({
      aggregate: "orders",
      $db: "shop",
      maxTimeMS: 3_000,
      allowDiskUse: false,
      comment: "gatehouse user=u trace=t",
      pipeline: [
        { $match: { _id: { $in: [id] }, placed_at: { $gte: new Date("2026-01-01") } } },
        { $match: { name: { $regex: "a", $options: "i", $ne: "b" }, big: 9007199254740993n } },
        { $limit: 6 },
      ],
    });
  });

  it("reads no more than the rows and bytes of an answer", async () => {
    const orders = Array.from({ length: 300 }, (_, at) => ({ at, text: "x".repeat(3_000) }));
    const { run } = await open({ collections: { orders } });
    expect(await run([], { rows: 2 })).toMatchObject({ documents: [{ at: 0 }, { at: 1 }], cut: true });
    const bounded = (await run([], { rows: 200, bytes: 10_000 })) as { documents: unknown[]; cut: boolean };
    expect([bounded.documents.length, bounded.cut]).toEqual([3, true]);
    const whole = (await run([], { rows: 400, bytes: 10_000_000 })) as { documents: unknown[]; cut: boolean };
    expect([whole.documents.length, whole.cut]).toEqual([300, false]);
  });

  it("refuses a message that is larger than an object can hold before it is whole, and goes on", async () => {
    const orders = [{ text: "x".repeat(9_000_000) }];
    const people = Array.from({ length: 40 }, (_, at) => ({ [`field_${at >> 2}`]: "x".repeat(600_000) }));
    const { run, session, target, double } = await open({ collections: { orders, people } });
    const failure = await run([]).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(RefusedRequest);
    expect(failure).toMatchObject({ failure: { code: "result_too_large" } });
    const sources = await session.run(target, requestOf("catalogue", {}), 3_000, CALLER);
    expect(sources).toMatchObject([
      { name: "orders", fields: [] },
      { name: "people", fields: [{ path: "field_0" }] },
    ]);
    expect(double.asked.filter((command) => "getMore" in command)).toEqual([]);
  });

  it.each([
    ["of no bytes", Buffer.alloc(4), /shorter than its head/],
    ["shorter than a head", frameOf(2013, Buffer.alloc(0), 15), /shorter than its head/],
    ["of a negative size", frameOf(2013, Buffer.alloc(0), -1), /shorter than its head/],
    ["that is compressed, which no client asked for", frameOf(2012, packZeros(50_000_000)), /compressed/],
  ])("ends the socket at a message %s", async (_what, bytes, message) => {
    let isHostile = true;
    const answer = (command: object) => ("aggregate" in command && isHostile ? bytes : undefined);
    const { run, double } = await open({ answer, collections: { orders: [{ a: 1 }] } });
    const before = double.sockets();
    await expect(run([])).rejects.toThrow(message);
    await vi.waitUntil(() => double.sockets() <= before);
    isHostile = false;
    expect(await run([])).toMatchObject({ cut: false });
  });

  it("lets the sessions of an object share one client, with one socket each and one to watch", async () => {
    const { double, sessions, run, memory } = await open({ collections: { orders: [{ a: 1 }] } }, 4);
    await Promise.all(sessions.map((of) => run([], { of })));
    expect(double.sockets()).toBeLessThanOrEqual(5);
    expect(memory.size).toBe(1);
    for (const session of sessions) session.close();
    expect(memory.size).toBe(0);
  });

  it("has five sockets at most while calls are cancelled and others begin", async () => {
    let isHanging = true;
    const answer = (command: object) => ("aggregate" in command && isHanging ? null : undefined);
    const { double, sessions, run, memory } = await open({ answer, collections: { orders: [{ a: 1 }] } }, 4);
    const [{ client }] = [...memory.values()] as [SharedClient<MongoClient>];
    // The double learns of a closed socket later than of a new one; the driver counts its own.
    let [now, most] = [double.sockets(), 0];
    client.on("connectionCreated", () => {
      now += 1;
      most = Math.max(most, now);
    });
    client.on("connectionClosed", () => {
      now -= 1;
    });
    const hanging = sessions.map((of) => run([], { of }).catch(() => "ended"));
    await vi.waitUntil(() => double.asked.filter((command) => "aggregate" in command).length === 4);
    isHanging = false;
    await Promise.all(sessions.map((session) => session.cancel()));
    expect(await Promise.all(hanging)).toEqual(Array(4).fill("ended"));
    await Promise.all(sessions.map((of) => run([], { of })));
    expect(most).toBe(5);
  });

  it("learns collections and fields from the newest documents, and leaves out what is not exposed", async () => {
    const orders = [
      { _id: new ObjectId(), customer: { email: "a" }, tags: ["a"], items: [{ sku: 1 }] },
      { _id: new ObjectId(), customer: null, total: 5n },
    ];
    const collections = {
      orders,
      people: [],
      people_private: [{ salary: 1 }],
      "system.views": [{ x: 1 }],
      other: [],
    };
    const { session, target, double } = await open({ collections });
    const sources = (await session.run(
      target,
      requestOf("catalogue", {}),
      3_000,
      CALLER,
    )) as unknown as DocumentSource[];
    expect(sources.map(({ name, documents }) => [name, documents])).toEqual([
      ["orders", 2],
      ["people", 0],
    ]);
    expect(sources[0]?.fields.map(({ path, type }) => `${path} ${type}`)).toEqual([
      "_id objectId",
      "customer object",
      "customer.email string",
      "tags array or string",
      "items array or object",
      "items.sku number",
      "total long",
    ]);
    expect(JSON.stringify(double.asked.map(({ find }) => find ?? null))).not.toMatch(/private|system|other/);
  });

  it.each([
    ["an account that only reads", [READER], []],
    [
      "one that writes",
      [READER, { resource: { db: "shop", collection: "orders" }, actions: ["find", "insert", "remove"] }],
      ["insert, remove on shop.orders"],
    ],
    [
      "an administrator",
      [
        { resource: { anyResource: true }, actions: ["anyAction"] },
        { resource: { cluster: true }, actions: ["shutdown"] },
      ],
      ["anyAction on everything", "shutdown on the cluster"],
    ],
    ["a server without accounts", [], ["do everything: the server names no privileges of its account"]],
  ])("says what the account may do beyond reading: %s", async (_who, privileges, expected) => {
    const orders = [{ customer: { email: "a" }, note: "n" }];
    const { session, target } = await open({ privileges, collections: { orders } });
    const report = await session.inspect(target);
    expect(report.excess.map(({ what }) => what)).toEqual(expected);
    expect(report).toMatchObject({
      server: "MongoDB 8.0.4",
      exposed: ["orders"],
      proposals: { "orders/customer.email": "pii" },
      mistakes: [
        'expose.collections: "peop*" matches nothing that the account may read.',
        'classes: "orders/customer.emial" matches no field. Did you mean "orders/customer.email"?',
      ],
    });
  });

  it("proposes classes by values where names say nothing", async () => {
    const orders = [
      { reach_by: "ann@people.example", about: { text: "blue", at: "ann@people.example" }, size: "L" },
    ];
    const { session, target } = await open({ collections: { orders } });
    const { proposals } = await session.inspect(target);
    expect(proposals).toEqual({ "orders/reach_by": "pii", "orders/about.at": "pii" });
  });

  it.each([
    [50, "timeout", /time limit/],
    [13, "forbidden", /may not do this/],
    [292, "invalid_input", /more memory/],
    [241, "invalid_input", /type of a value/],
    [4711, "invalid_input", /code 4711/],
  ])("has words of ours for error %i", async (code, expected, message) => {
    const answer = (command: object) =>
      "aggregate" in command ? refuse(code, "host-17.internal: secret detail") : undefined;
    const { run, target } = await open({ answer });
    const failure = await run([]).catch((thrown: unknown) => thrown);
    const known = mongodb.explain(failure, target);
    expect(known).toMatchObject({ code: expected, message: expect.stringMatching(message) });
    expect(JSON.stringify(known)).not.toContain("host-17");
  });

  it("takes a member that shuts down for a server that is away", async () => {
    const { run, target } = await open({
      answer: (command) => ("aggregate" in command ? refuse(91, "x") : undefined),
    });
    expect(mongodb.explain(await run([]).catch((thrown: unknown) => thrown), target)).toBeNull();
  });

  it("is refused with a wrong password, and without one", async () => {
    const failure = await open({}, 1, "wrong").catch((thrown: unknown) => thrown);
    const entry = connectionEntry.parse({
      kind: "mongodb",
      title: "Orders",
      description: "d",
      owner: "o",
      reach: { host: "h", database: "shop", user: "reader" },
      expose: { collections: ["orders"] },
    });
    const target = { name: "orders", revision: "r", entry };
    expect(mongodb.explain(failure, target)).toMatchObject({
      code: "unavailable",
      message: "Orders refuses the account of this connection.",
    });
    await expect(mongodb.open({} as Env, target, null, new Map())).rejects.toThrow("No password is stored");
  });
});

describe("an entry of MongoDB", () => {
  const common = {
    kind: "mongodb",
    title: "Orders",
    description: "Orders.",
    owner: "x",
    reach: { host: "h", database: "shop", user: "reader" },
    expose: { collections: ["orders"] },
  };

  it.each([
    ["a system collection", { expose: { collections: ["system.users"] } }],
    ["a collection with $", { expose: { collections: ["$cmd"] } }],
    ["a misspelt field", { clases: {} }],
    ["a connection string in the place of a host", { reach: { ...common.reach, host: "mongodb://h" } }],
  ])("refuses %s", (_what, change) => {
    expect(connectionEntry.safeParse(common).success).toBe(true);
    expect(connectionEntry.safeParse({ ...common, ...change }).success).toBe(false);
  });
});
