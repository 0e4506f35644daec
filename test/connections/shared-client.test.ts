import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import {
  type Connector,
  LostSession,
  type Session,
  type SessionCaller,
} from "../../workers/connections/connector.ts";
import { kafka } from "../../workers/connections/kafka/connector.ts";
import { mongodb } from "../../workers/connections/mongodb/connector.ts";
import { SharedClient } from "../../workers/connections/shared-client.ts";
import { startMongodbDouble } from "../support/mongodb-double.ts";
import { answerTo, FETCH, PRODUCE, produced, startKafkaDouble, targetAt } from "./kafka-double.ts";

/** A system whose reads hang until they are let go. */
interface Held {
  connector: Connector;
  target: ConnectionTarget;
  operation: string;
  arguments: Record<string, JsonValue>;
  /** Sessions that one object has at a time, and reads that hang at this moment. */
  sessions: number;
  hanging(): number;
  letGo(): void;
}

const closing: (() => void)[] = [];
/** Sockets of this process that a client has opened; the most that were open at the same moment. */
let sockets: Socket[] = [];
let most = 0;

function count(message: unknown) {
  const { socket } = message as { socket: Socket };
  sockets = [...sockets.filter(({ destroyed }) => !destroyed), socket];
  most = Math.max(most, sockets.length);
}

beforeEach(() => {
  [sockets, most] = [[], 0];
  subscribe("net.client.socket", count);
});

afterEach(() => {
  vi.useRealTimers();
  unsubscribe("net.client.socket", count);
  for (const close of closing.splice(0)) close();
});

async function heldMongodb(): Promise<Held> {
  let hanging = 0;
  let isHeld = true;
  const double = await startMongodbDouble({
    ...{ user: "reader", password: "only-reads", collections: { orders: [{ a: 1 }] }, privileges: [] },
    answer(command) {
      if (!("aggregate" in command) || !isHeld) return undefined;
      hanging += 1;
      return null;
    },
  });
  closing.push(double.close);
  const entry = connectionEntry.parse({
    ...{ kind: "mongodb", title: "Orders", description: "Orders.", owner: "shop@people.example" },
    reach: { host: "127.0.0.1", port: double.port, tls: "off", database: "shop", user: "reader" },
    expose: { collections: ["orders"] },
  });
  return {
    ...{ connector: mongodb, target: { name: "orders", revision: "", entry }, sessions: 4 },
    ...{ operation: "aggregate", arguments: { collection: "orders", stages: [], rows: 5, bytes: 9_000 } },
    hanging: () => hanging,
    letGo() {
      isHeld = false;
    },
  };
}

async function heldKafka(): Promise<Held> {
  let hanging = 0;
  let isHeld = true;
  const double = await startKafkaDouble({
    ...{ brokers: 5, end: 1 },
    answer({ api }) {
      if (api !== FETCH || !isHeld) return undefined;
      hanging += 1;
      return null;
    },
  });
  closing.push(double.close);
  const from = { offset: "0" };
  return {
    ...{ connector: kafka, target: targetAt(double.port), operation: "peek" },
    arguments: { topic: "orders", partition: null, from, rows: 5, bytes: 9_000 },
    // One look asks every broker where its partition begins and ends, and then one after the other for messages.
    sessions: 1,
    hanging: () => hanging,
    letGo() {
      isHeld = false;
    },
  };
}

/** A produce of one message. */
const WRITE = {
  ...{ id: "1", identity: {}, timeoutMs: 3_000, repeatable: false, note: "gatehouse user=u trace=t" },
  ...{ operation: "produce", arguments: { topic: "orders", key: null, value: "x", headers: {} } },
};

const CALLER = { checkCancelled: () => {} } as SessionCaller;

function openAll({ connector, target, sessions }: Held, memory: Map<string, unknown>): Promise<Session[]> {
  const opening = Array.from({ length: sessions }, () =>
    connector.open({} as Env, target, "only-reads", memory),
  );
  return Promise.all(opening);
}

function runAll({ target, operation, arguments: args }: Held, sessions: readonly Session[]) {
  const note = "gatehouse user=u trace=t";
  const call = { id: "1", identity: {}, timeoutMs: 3_000, repeatable: true, note };
  return sessions.map((session) =>
    session.run(target, { ...call, operation, arguments: args }, 3_000, CALLER).then(
      () => "answered",
      () => "ended",
    ),
  );
}

describe.each([
  ["MongoDB", heldMongodb],
  ["Kafka", heldKafka],
])("sessions of an object with %s", (_kind, start) => {
  it("have five sockets at most where their client is ended while calls run, and others open at once", async () => {
    const held = await start();
    const memory = new Map<string, unknown>();
    const former = await openAll(held, memory);
    const running = runAll(held, former);
    await vi.waitUntil(() => held.hanging() === held.sessions);
    held.letGo();
    SharedClient.endIn(memory);
    const sessions = await openAll(held, memory);
    closing.push(() => sessions.map((session) => session.close()));
    expect(await Promise.all(runAll(held, sessions))).toEqual(sessions.map(() => "answered"));
    expect(await Promise.all(running)).toEqual(former.map(() => "ended"));
    expect(former.map((session) => session.isUsable())).toEqual(former.map(() => false));
    for (const session of former) session.close();
    expect(sessions.map((session) => session.isUsable())).toEqual(sessions.map(() => true));
    expect(most).toBe(5);
  });

  it("wait for the calls at another place before they open, and let nothing new begin there", async () => {
    const [held, next] = [await start(), await start()];
    const memory = new Map<string, unknown>();
    const former = await openAll(held, memory);
    const running = runAll(held, former);
    await vi.waitUntil(() => held.hanging() === held.sessions);
    let isOpen = false;
    next.letGo();
    const opening = openAll(next, memory).then((sessions) => {
      isOpen = true;
      return sessions;
    });
    await vi.waitUntil(() => former.every((session) => !session.isUsable()));
    for (const session of former.slice(1)) session.close();
    expect(isOpen).toBe(false);
    former[0]?.close();
    const sessions = await opening;
    closing.push(() => sessions.map((session) => session.close()));
    expect(await Promise.all(runAll(next, sessions))).toEqual(sessions.map(() => "answered"));
    await Promise.all(running);
    expect(most).toBe(5);
  });

  it("do not wait for a session at another place that is idle", async () => {
    const [held, next] = [await start(), await start()];
    const memory = new Map<string, unknown>();
    const former = await openAll(held, memory);
    next.letGo();
    const sessions = await openAll(next, memory);
    closing.push(() => sessions.map((session) => session.close()));
    expect(former.map((session) => session.isUsable())).toEqual(former.map(() => false));
    expect(await Promise.all(runAll(next, sessions))).toEqual(sessions.map(() => "answered"));
    for (const session of former) session.close();
    expect(sessions.map((session) => session.isUsable())).toEqual(sessions.map(() => true));
    expect(most).toBeLessThanOrEqual(5);
  });

  it("are refused without an outage where the calls at another place last longer", async () => {
    const [held, next] = [await start(), await start()];
    const memory = new Map<string, unknown>();
    const former = await openAll(held, memory);
    closing.push(() => former.map((session) => session.close()));
    const running = runAll(held, former);
    await vi.waitUntil(() => held.hanging() === held.sessions);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const refused = expect(
      next.connector.open({} as Env, next.target, "only-reads", memory, 1_000),
    ).rejects.toMatchObject({
      name: "RefusedRequest",
      failure: { code: "unavailable", retryAfter: 5, sent: false },
    });
    await vi.waitUntil(() => former.every((session) => !session.isUsable()));
    await vi.advanceTimersByTimeAsync(500);
    await refused;
    vi.useRealTimers();
    for (const session of former) session.close();
    SharedClient.endIn(memory);
    await Promise.all(running);
  });
});

describe("a produce that runs while the password changes", () => {
  it("is answered, and the next session waits for its end and has five sockets at most", async () => {
    const waiting: (() => void)[] = [];
    const double = await startKafkaDouble({
      ...{ brokers: 5, end: 1 },
      answer({ api, broker, id, socket }) {
        if (api !== PRODUCE) return undefined;
        waiting.push(() => socket.write(answerTo(id, produced(broker, 7))));
        return null;
      },
    });
    closing.push(double.close);
    const memory = new Map<string, unknown>([["token", "former"]]);
    const target = targetAt(double.port);
    const writer = await kafka.open({} as Env, target, null, memory);
    const written = writer.run(target, WRITE, 3_000, CALLER);
    await vi.waitUntil(() => waiting.length === 1);
    SharedClient.endIn(memory);
    expect(memory.has("token")).toBe(false);
    expect(writer.isUsable()).toBe(false);
    await expect(writer.run(target, WRITE, 3_000, CALLER)).rejects.toBeInstanceOf(LostSession);
    let isOpen = false;
    const opening = kafka.open({} as Env, target, null, memory).then((session) => {
      isOpen = true;
      return session;
    });
    await new Promise(setImmediate);
    expect(isOpen).toBe(false);
    for (const answer of waiting) answer();
    expect(await written).toMatchObject({ offset: "7" });
    const session = await opening;
    closing.push(() => session.close());
    writer.close();
    expect(session.isUsable()).toBe(true);
    expect(most).toBeLessThanOrEqual(5);
  });

  it("goes on under another limit of time of the same client", async () => {
    const double = await startKafkaDouble({ end: 1 });
    closing.push(double.close);
    const memory = new Map<string, unknown>();
    const target = targetAt(double.port);
    const limits = { ...target.entry.limits, seconds: 55 };
    const longer = { ...target, entry: { ...target.entry, limits } } as ConnectionTarget;
    const sessions = [
      await kafka.open({} as Env, target, null, memory),
      await kafka.open({} as Env, longer, null, memory),
    ];
    closing.push(() => sessions.map((session) => session.close()));
    expect(sessions.map((session) => session.isUsable())).toEqual([true, true]);
  });
});
