import { afterEach, describe, expect, it, vi } from "vitest";
import { kafka } from "../../workers/connections/kafka/connector.ts";
import { peek } from "../../workers/connections/kafka/read-messages.ts";
import {
  type Asked,
  int16,
  int32,
  LIST_OFFSETS,
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
