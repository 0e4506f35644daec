import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import type { ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import type { Connector, Session, SessionCaller } from "../../workers/connections/connector.ts";
import { kafka } from "../../workers/connections/kafka/connector.ts";
import { mongodb } from "../../workers/connections/mongodb/connector.ts";
import { SharedClient } from "../../workers/connections/shared-client.ts";
import { startMongodbDouble } from "../support/mongodb-double.ts";
import { FETCH, startKafkaDouble, targetAt } from "./kafka-double.ts";

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
});
