import { afterEach, describe, expect, it, vi } from "vitest";
import type { KafkaEntry } from "../../shared/connections/kinds/kafka.ts";
import { RefusedRequest } from "../../workers/connections/connector.ts";
import { kafka } from "../../workers/connections/kafka/connector.ts";
import { openCluster } from "../../workers/connections/kafka/driver.ts";
import { peek } from "../../workers/connections/kafka/read-messages.ts";
import {
  type Asked,
  int16,
  int32,
  LIST_OFFSETS,
  list,
  METADATA,
  openAt,
  startKafkaDouble,
  targetAt,
  text,
} from "./kafka-double.ts";

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const PEEK = {
  operation: "peek",
  topic: "orders",
  partition: null,
  from: { offset: "0" },
  rows: 9,
  bytes: 9_000,
} as const;

async function look(options: Parameters<typeof startKafkaDouble>[0]) {
  const double = await startKafkaDouble({ end: 1, ...options });
  closing.push(double.close);
  const { cluster, close } = await openAt(double.port);
  closing.push(close);
  const seen = peek(cluster, PEEK, 5_000);
  await seen.catch(() => {});
  return { double, seen };
}

describe("sockets to the brokers of a cluster of Kafka", () => {
  it.each([
    ["the broker that is asked for the others is one of them", "127.0.0.1"],
    ["the brokers know each other under another name", "localhost"],
  ])("are one for each of five brokers, where %s", async (_what, host) => {
    const { double, seen } = await look({ brokers: 5, host });
    expect((await seen).messages.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4].map((at) => `of ${at}`));
    await vi.waitFor(() => expect(double.open()).toEqual([1, 1, 1, 1, 1]));
  });

  it("are five at most, and the look that needs more is refused", async () => {
    const { double, seen } = await look({ brokers: 6 });
    const failure = await seen.catch((thrown: unknown) => thrown);
    expect(kafka.explain(failure, targetAt(1))).toMatchObject({
      code: "unavailable",
      message: "What is asked for is on more brokers of Events than the five that are connected at a time.",
    });
    expect(double.open().reduce((sum, own) => sum + own, 0)).toBeLessThanOrEqual(5);
  });
});

it("reads an array of Kafka that says to be longer than its answer only up to the end of the answer", async () => {
  const lies = Buffer.concat([int32(1), int16(6), text("orders").subarray(2), int32(30_000_000)]);
  const { seen } = await look({ answer: ({ api }: Asked) => (api === LIST_OFFSETS ? lies : undefined) });
  await expect(seen).rejects.toThrow("does not read as its protocol says");
});

describe("an answer of Kafka that names too much of a cluster is refused, and the driver makes nothing of it:", () => {
  const many = (count: number, one: (at: number) => Buffer) =>
    list(Array.from({ length: count }, (_, at) => one(at)));
  const broker = (at: number) => Buffer.concat([int32(at), text("127.0.0.1"), int32(at % 60_000)]);
  const partition = (at: number) => Buffer.concat([int16(0), int32(at), int32(0), list([]), list([])]);
  const topic = (name: string, partitions: number) =>
    Buffer.concat([int16(0), text(name), many(partitions, partition)]);

  it.each([
    ["10,000 brokers", many(10_000, broker), list([topic("orders", 1)])],
    ["30,000 topics", many(1, broker), many(30_000, (at) => topic(`t${at}`, 1))],
    ["150,000 partitions", many(1, broker), list([topic("orders", 150_000)])],
  ])("%s", async (_what, brokers, topics) => {
    const answer = ({ api }: Asked) => (api === METADATA ? Buffer.concat([brokers, topics]) : undefined);
    const double = await startKafkaDouble({ answer });
    closing.push(double.close);
    const { cluster, close } = await openCluster(targetAt(double.port).entry as KafkaEntry, null);
    closing.push(close);
    const failure = await cluster.connect().then(
      () => peek(cluster, PEEK, 5_000).catch((thrown: unknown) => thrown),
      (thrown: unknown) => thrown,
    );
    expect(failure).toBeInstanceOf(RefusedRequest);
    expect(failure).toMatchObject({
      failure: { code: "unavailable", message: expect.stringContaining("500 brokers, 20000 topics") },
    });
    const { brokerPool } = cluster as unknown as { brokerPool: { brokers: object } };
    expect(Object.keys(brokerPool.brokers)).toEqual([]);
    expect(double.open()).toEqual([1]);
  });
});
