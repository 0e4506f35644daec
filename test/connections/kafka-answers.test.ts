import { afterEach, describe, expect, it, vi } from "vitest";
import type { ConnectionRequest } from "../../shared/objects/connection-gate.ts";
import { RefusedRequest } from "../../workers/connections/connector.ts";
import { kafka } from "../../workers/connections/kafka/connector.ts";
import type { Cluster } from "../../workers/connections/kafka/driver.ts";
import { peek } from "../../workers/connections/kafka/read-messages.ts";
import {
  type Asked,
  batch,
  FETCH,
  fetched,
  int16,
  int32,
  list,
  METADATA,
  openAt,
  PRODUCE,
  record,
  startKafkaDouble,
  targetAt,
  text,
} from "./kafka-double.ts";

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A cluster of one broker, whose fetches are answered with these batches. */
async function clusterWith(end: number, batches: Buffer | ((asked: Asked) => Buffer)): Promise<Cluster> {
  const answer = (asked: Asked) => {
    if (asked.api !== FETCH) return undefined;
    return fetched(typeof batches === "function" ? batches(asked) : batches);
  };
  const double = await startKafkaDouble({ end, answer });
  closing.push(double.close);
  const { cluster, close } = await openAt(double.port);
  closing.push(close);
  return cluster;
}

const PEEK = { operation: "peek", topic: "orders", partition: null, rows: 3, bytes: 100_000 } as const;

const look = (cluster: Cluster, from: string | null, rows = 3) =>
  peek(cluster, { ...PEEK, rows, from: from === null ? null : { offset: from } }, 5_000);

const records = (length: number, value = "x") => Array.from({ length }, (_, at) => record(at, value));

describe("a batch of Kafka", () => {
  it("is read with its headers, of which one may come several times", async () => {
    const headers = [
      ["a", "1"],
      ["b", null],
      ["a", "2"],
      ["a", "3"],
      ["__proto__", "p"],
    ] as const;
    const cluster = await clusterWith(
      2,
      batch(0, [
        record(
          0,
          "x",
          headers.map(([k, v]) => [k, v]),
        ),
        record(1, "y"),
      ]),
    );
    const { messages } = await look(cluster, "0");
    expect(messages).toMatchObject([
      { offset: "0", time: "1970-01-01T00:00:01.000Z", value: "x" },
      { offset: "1", time: "1970-01-01T00:00:01.001Z", value: "y", headers: {} },
    ]);
    expect(Object.entries(messages[0]?.headers ?? {})).toEqual([
      ["a", ["1", "2", "3"]],
      ["b", null],
      ["__proto__", "p"],
    ]);
  });

  it("of more records than an object holds at once is read in parts", async () => {
    const cluster = await clusterWith(130_000, batch(0, records(130_000), { isPacked: true }));
    expect((await look(cluster, null)).messages.map(({ offset }) => offset)).toEqual([
      "129999",
      "129998",
      "129997",
    ]);
    expect((await look(cluster, "70000")).messages.map(({ offset }) => offset)).toEqual([
      "70000",
      "70001",
      "70002",
    ]);
  });

  it("of a record with too many headers is refused at once, and read from the next record on", async () => {
    const many = Array.from({ length: 10_000 }, (_, at): [string, string] => [`h${at}`, ""]);
    const cluster = await clusterWith(2, batch(0, [record(0, "x", many), record(1, "y")]));
    const start = Date.now();
    await expect(look(cluster, "0")).rejects.toMatchObject({ failure: { code: "result_too_large" } });
    expect(Date.now() - start).toBeLessThan(2_000);
    expect((await look(cluster, "1")).messages).toMatchObject([{ value: "y" }]);
    const later = await clusterWith(2, batch(0, [record(0, "x"), record(1, "y", many)]));
    expect((await look(later, "0", 1)).messages).toMatchObject([{ value: "x" }]);
  });

  it.each([
    ["more records than its bytes", batch(0, [record(0, "x")], { says: 30_000_000 })],
    ["fewer bytes than its record", batch(0, [record(0, "x").subarray(0, 5)])],
    ["more headers than its bytes", batch(0, [Buffer.from([14, 0, 0, 0, 1, 2, 120, 200])])],
  ])("that says to have %s is refused", async (_what, bytes) => {
    await expect(look(await clusterWith(1, bytes), "0")).rejects.toThrow("does not read");
  });
});

describe("packed batches of Kafka", () => {
  const packed = (first: number, bytes: number) =>
    batch(first, [record(0, "x".repeat(bytes))], { isPacked: true });

  it("are read as far as an object may unpack, and the rest with the next fetch", async () => {
    const honest = [0, 1, 2].map((first) => packed(first, 1_900_000));
    const cluster = await clusterWith(3, ({ bytes }) =>
      // The wanted offset comes before the last number of four bytes.
      Buffer.concat(honest.slice(Number(bytes.readBigInt64BE(bytes.length - 12)))),
    );
    const { messages } = await look(cluster, "0");
    expect(messages.map(({ offset }) => offset)).toEqual(["0", "1", "2"]);
  });

  it("are refused where a single one is too large", async () => {
    const cluster = await clusterWith(1, packed(0, 4_500_000));
    await expect(look(cluster, "0")).rejects.toMatchObject({ failure: { code: "result_too_large" } });
  });
});

const WRITE: ConnectionRequest = {
  ...{ id: "1", operation: "produce", identity: {}, timeoutMs: 3_000, repeatable: false, note: "test" },
  arguments: { topic: "orders", key: null, value: "x", headers: {} },
};
const LOOK: ConnectionRequest = {
  ...WRITE,
  operation: "peek",
  repeatable: true,
  arguments: { ...PEEK, from: null },
};

/** Runs a request in a session at a double; rejects with the driver's error. */
async function runAt(port: number, request: ConnectionRequest, checkCancelled = () => {}) {
  const target = targetAt(port);
  const session = await kafka.open({} as Env, target, null, new Map());
  closing.push(() => session.close());
  const caller = { checkCancelled } as Parameters<typeof session.run>[3];
  return await session.run(target, request, 3_000, caller);
}

/** Our words for the failure of a request; `null` when the cluster is taken to be away. */
const explain = (failure: unknown) => kafka.explain(failure, targetAt(1));

it("keeps a write back whose caller hangs up while its topic is looked up", async () => {
  let hungUp = false;
  const answer = ({ api }: Asked) => {
    hungUp ||= api === METADATA;
    return undefined;
  };
  const double = await startKafkaDouble({ answer });
  closing.push(double.close);
  const cancelled = new RefusedRequest({ code: "cancelled", message: "The call was cancelled." });
  const checkCancelled = () => {
    if (hungUp) throw cancelled;
  };
  await expect(runAt(double.port, WRITE, checkCancelled)).rejects.toBe(cancelled);
  expect(double.asked).not.toContain(PRODUCE);
  await expect(runAt(double.port, WRITE)).resolves.toEqual({ partition: 0, offset: "10" });
});

describe("an answer of Kafka that is too large", () => {
  const tooLarge = ({ id, socket }: Asked) => {
    socket.write(Buffer.concat([int32(9_000_000), int32(id)]));
    return null;
  };

  it("is refused to its own request, and to others is a lost socket", async () => {
    // The fetch is answered once a second request waits at the same socket.
    let fetch: Asked | undefined;
    const answer = (asked: Asked) => {
      if (asked.api === FETCH) {
        fetch = asked;
        return null;
      }
      return asked.api === PRODUCE && fetch !== undefined ? tooLarge({ ...asked, id: fetch.id }) : undefined;
    };
    const double = await startKafkaDouble({ answer });
    closing.push(double.close);
    const target = targetAt(double.port);
    const memory = new Map<string, unknown>();
    const sessions = [
      await kafka.open({} as Env, target, null, memory),
      await kafka.open({} as Env, target, null, memory),
    ];
    closing.push(() => sessions.map((session) => session.close()));
    const caller = { checkCancelled: () => {} } as Parameters<(typeof sessions)[0]["run"]>[3];
    const look = sessions[0]?.run(target, LOOK, 3_000, caller).catch(explain);
    await vi.waitUntil(() => fetch !== undefined);
    const write = sessions[1]?.run(target, WRITE, 3_000, caller).catch(explain);
    expect(await look).toMatchObject({ code: "result_too_large" });
    expect(await write).toBeNull();
  });

  it("leaves unknown whether its own write was carried out", async () => {
    const double = await startKafkaDouble({
      answer: (asked) => (asked.api === PRODUCE ? tooLarge(asked) : undefined),
    });
    closing.push(double.close);
    expect(await runAt(double.port, WRITE).catch(explain)).toBeNull();
  });

  it("leaves it unknown, too, where the answer has too many parts", async () => {
    const part = Buffer.concat([int32(0), int16(0), Buffer.alloc(16)]);
    const partitions = list(Array.from({ length: 125_000 }, () => part));
    const body = Buffer.concat([list([Buffer.concat([text("orders"), partitions])]), int32(0)]);
    const double = await startKafkaDouble({ answer: ({ api }) => (api === PRODUCE ? body : undefined) });
    closing.push(double.close);
    const failure = await runAt(double.port, WRITE).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ name: "UnreadableAnswer" });
    expect(explain(failure)).toBeNull();
  });
});
