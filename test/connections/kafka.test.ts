import { EventEmitter } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { KafkaEntry } from "../../shared/connections/kinds/kafka.ts";
import { boundAnswers, isTooLarge } from "../../workers/connections/kafka/bounds.ts";
import type { Broker, Cluster } from "../../workers/connections/kafka/driver.ts";
import { explainKafka, explainTimeout } from "../../workers/connections/kafka/errors.ts";
import { inspectKafka } from "../../workers/connections/kafka/inspect.ts";
import { peek as peekWithin, readOffsets } from "../../workers/connections/kafka/read-messages.ts";
import { clusterOf, failure, MESSAGES, message } from "./kafka-cluster.ts";

const ENTRY = {
  kind: "kafka",
  title: "Events",
  description: "Events of the web shop.",
  owner: "shop@people.example",
  reach: { host: "broker.example" },
  auth: { type: "scram-sha-512", user: "reader" },
  expose: { topics: ["orders", "events.*"] },
} as const;

const entryOf = (more: object = {}) => connectionEntry.parse({ ...ENTRY, ...more }) as KafkaEntry;

const PEEK = {
  operation: "peek",
  topic: "orders",
  partition: null,
  from: null,
  rows: 3,
  bytes: 100_000,
} as const;

const peek = (
  cluster: Cluster,
  asked: Parameters<typeof peekWithin>[1],
  timeoutMs = 5_000,
  onPart?: () => void,
) => peekWithin(cluster, asked, timeoutMs, onPart);

describe("a look at messages of Kafka", () => {
  it("gives the newest ones of all partitions, newest first", async () => {
    const { messages, cut } = await peek(clusterOf(MESSAGES), PEEK);
    expect(messages.map(({ partition, value }) => [partition, value])).toEqual([
      [1, { at: 19 }],
      [0, { at: 18 }],
      [1, { at: 17 }],
    ]);
    expect([messages[0]?.time, cut]).toEqual(["1970-01-01T00:00:01.019Z", true]);
  });

  it("begins at an offset or a time, whatever the broker's batches hold before it", async () => {
    const at = await peek(clusterOf(MESSAGES), { ...PEEK, partition: 1, from: { offset: "8" } });
    expect(at.messages.map(({ offset }) => offset)).toEqual(["8", "9"]);
    const since = await peek(clusterOf(MESSAGES), { ...PEEK, from: { time: 1_017 } });
    expect(since.messages.map(({ value }) => value)).toEqual([{ at: 17 }, { at: 18 }, { at: 19 }]);
    expect(await peek(clusterOf(MESSAGES), { ...PEEK, from: { time: 9_000 } })).toEqual({
      messages: [],
      cut: false,
    });
    await expect(peek(clusterOf(MESSAGES), { ...PEEK, partition: 2 })).rejects.toThrow("partitions 0 to 1");
  });

  it("shows text, bytes by their number, and leaves out control records and what is too much", async () => {
    const special = [
      message(0, "plain"),
      message(1, new Uint8Array([0, 0, 0, 1, 2, 9])),
      { ...message(2, "commit"), isControlRecord: true },
      message(3, new Uint8Array([255, 254])),
    ];
    const { messages } = await peek(clusterOf(special), { ...PEEK, rows: 10 });
    expect(messages.map(({ value }) => value)).toEqual([{ bytes: 2 }, { bytes: 6, schema_id: 258 }, "plain"]);
    const large = [0, 1, 2, 3].map((at) => message(at, "x".repeat(6_000)));
    const bounded = await peek(clusterOf(large), { ...PEEK, rows: 10, bytes: 8_000 });
    expect([bounded.messages.length, bounded.cut]).toEqual([1, true]);
  });

  it("has one budget of bytes and of time for all of its rounds, and says that it is cut", async () => {
    const large = Array.from({ length: 40 }, (_, at) => message(at, "x".repeat(900_000)));
    const asked: number[] = [];
    const oneAtATime: Partial<Broker> = {
      fetch: async ({ maxBytes, topics }) => {
        asked.push(maxBytes);
        const responses = topics.map(({ topic, partitions }) => ({
          topicName: topic,
          partitions: partitions.map(({ partition, fetchOffset }) => ({
            partition,
            messages: large.filter(({ offset }, at) => at % 2 === partition && offset === fetchOffset),
          })),
        }));
        return { responses };
      },
    };
    const from = { offset: "0" };
    let parts = 0;
    const onPart = () => {
      parts += 1;
    };
    const wide = { ...PEEK, from, rows: 40, bytes: 10_000_000 };
    const cut = await peek(clusterOf(large, oneAtATime), wide, 3_000, onPart);
    expect([cut.messages.length, cut.cut]).toEqual([6, true]);
    expect(asked).toEqual([1_000_000, 1_000_000, 400_000]);
    const hangs: Partial<Broker> = { fetch: () => new Promise(() => {}) };
    expect(await peek(clusterOf(MESSAGES, hangs), PEEK, 1, onPart)).toEqual({ messages: [], cut: true });
    expect(parts).toBe(2);
    await peek(clusterOf(MESSAGES), PEEK, 3_000, onPart);
    expect(parts).toBe(2);
  });

  it("asks again for a partition that an answer had no room for, and ends where nothing comes", async () => {
    const turns: Partial<Broker> = {
      fetch: async ({ topics }) => ({
        responses: topics.map(({ topic, partitions: asked }) => ({
          topicName: topic,
          // All the room is for the first partition; nothing is left of the last message of the second one.
          partitions: asked.map(({ partition }, place) => ({
            partition,
            messages: MESSAGES.filter((_, at) => place === 0 && at % 2 === partition && at < 19),
          })),
        })),
      }),
    };
    const { messages, cut } = await peek(clusterOf(MESSAGES, turns), { ...PEEK, rows: 4 });
    expect(messages.map(({ value }) => value)).toEqual([{ at: 18 }, { at: 17 }, { at: 16 }, { at: 15 }]);
    expect(cut).toBe(true);
    const none: Partial<Broker> = { fetch: async () => ({ responses: [] }) };
    expect(await peek(clusterOf(MESSAGES, none), PEEK)).toEqual({ messages: [], cut: false });
  });

  it("goes by offset from an offset on, whatever the times of the messages, and keeps large numbers exact", async () => {
    const back = Array.from({ length: 20 }, (_, at) => ({
      ...message(at, `{"id":9007199254740993,"at":${at}}`),
      timestamp: String(5_000 - at),
    }));
    const { messages, cut } = await peek(clusterOf(back), { ...PEEK, partition: 1, from: { offset: "2" } });
    expect(messages.map(({ offset }) => offset)).toEqual(["2", "3", "4"]);
    expect(messages[0]?.value).toEqual({ id: "9007199254740993", at: 5 });
    expect(cut).toBe(true);
  });

  it("tells how far a group is behind, and nothing where it has not read", async () => {
    expect(await readOffsets(clusterOf(MESSAGES), "orders", "billing")).toEqual([
      { partition: 0, earliest: "0", latest: "10", committed: "4", lag: 6 },
      { partition: 1, earliest: "0", latest: "10", committed: null, lag: null },
    ]);
  });
});

describe("what an account of Kafka may do", () => {
  it("is reading alone where each kind of change is refused, and topics of Kafka itself are not shown", async () => {
    const report = await inspectKafka(
      clusterOf(MESSAGES),
      entryOf({ expose: { topics: ["*"], except: ["private"] } }),
    );
    expect(report).toMatchObject({ excess: [], exposed: ["orders"], mistakes: [] });
  });

  it("comes with classes by values of messages where names say nothing", async () => {
    const messages = MESSAGES.map(({ offset }, at) => ({
      ...message(at, `{"reach_by":"c${at}@people.example","said":"hello"}`),
      offset,
    }));
    const { proposals } = await inspectKafka(clusterOf(messages), entryOf());
    expect(proposals).toEqual({ "orders/value.reach_by": "pii" });
  });

  it("is found out without changing anything", async () => {
    const asked: unknown[] = [];
    const note = async (request: unknown) => void asked.push(request);
    const changes = {
      produce: note,
      createTopics: note,
      deleteTopics: note,
      alterConfigs: note,
      deleteRecords: note,
    };
    const cluster = clusterOf(MESSAGES, changes as unknown as Partial<Broker>);
    const report = await inspectKafka(cluster, entryOf());
    expect(report.excess.map(({ what }) => what)).toEqual([
      "create topics",
      "delete topics",
      "write to orders",
      "change the configuration of orders",
      "delete messages of orders",
    ]);
    const text = JSON.stringify(asked);
    expect(text.match(/"validateOnly":true/g)).toHaveLength(2);
    expect(text.match(/"partition":2000000000/g)).toHaveLength(2);
    expect(text).toMatch(/"topics":\["orders-gatehouse-probe-/);
  });

  it("is asked for each exposed topic, also for those that the entry names for writing", async () => {
    const topicOf = (request: unknown) => /"(?:topic|name)":"([^"]+)"/.exec(JSON.stringify(request))?.[1];
    const onlyOf = (allowed: string) => (request: unknown) =>
      topicOf(request) === allowed
        ? Promise.resolve()
        : Promise.reject(failure("TOPIC_AUTHORIZATION_FAILED"));
    const writes = { produce: onlyOf("private") } as unknown as Partial<Broker>;
    const both = { expose: { topics: ["orders", "private"] } };
    const found = async (changes: Partial<Broker>, more = {}) =>
      (await inspectKafka(clusterOf(MESSAGES, changes), entryOf({ ...both, ...more }))).excess.map(
        ({ what }) => what,
      );
    expect(await found(writes)).toEqual(["write to private"]);
    expect(await found(writes, { produce: ["private"] })).toEqual([]);
    const deletes = { deleteRecords: onlyOf("private") } as unknown as Partial<Broker>;
    expect(await found(deletes, { produce: ["*"] })).toEqual(["delete messages of private"]);
  });

  it("includes writing to the topics that the entry names for it", async () => {
    const allowed = { produce: () => Promise.reject(failure("UNKNOWN_TOPIC_OR_PARTITION")) };
    const cluster = clusterOf(MESSAGES, allowed);
    expect((await inspectKafka(cluster, entryOf())).excess.map(({ what }) => what)).toEqual([
      "write to orders",
    ]);
    expect((await inspectKafka(cluster, entryOf({ produce: ["orders"] }))).excess).toEqual([]);
    const { mistakes } = await inspectKafka(cluster, entryOf({ produce: ["order"] }));
    expect(mistakes).toContain('produce: "order" matches no exposed topic.');
  });
});

it("ends a socket at the head of an answer that is too large, however its bytes arrive", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { maxLength: 5 }), fc.integer({ min: 1, max: 9 }), (sizes, piece) => {
      const ends: Error[] = [];
      const destroy = (end?: Error) => end && ends.push(end);
      const socket = boundAnswers(Object.assign(new EventEmitter(), { destroy }));
      const whole = Buffer.concat(
        [...sizes, 8_000_001].flatMap((size) => {
          const head = Buffer.alloc(4);
          head.writeUInt32BE(size);
          // Of one that is too large, the id of its request comes yet.
          return [head, Buffer.alloc(size > 40 ? 4 : size, 255)];
        }),
      );
      for (let at = 0; at < whole.length; at += piece) {
        expect(ends).toEqual([]);
        socket.emit("data", whole.subarray(at, at + piece));
      }
      expect(ends.map(isTooLarge)).toEqual([true]);
    }),
  );
});

describe("words for errors of Kafka", () => {
  const target = { name: "events", revision: "", entry: entryOf() };

  it("say of a request that was too slow that its time is over, but not of one that may have written", () => {
    const late = Object.assign(new Error("x"), { name: "KafkaJSRequestTimeoutError" });
    expect(explainTimeout(late, target, true)).toMatchObject({ code: "timeout" });
    expect(explainTimeout(late, target, false)).toBeNull();
    expect(explainTimeout(failure("OTHER"), target, true)).toBeNull();
  });

  it.each([
    ["TOPIC_AUTHORIZATION_FAILED", "forbidden"],
    ["SASL_AUTHENTICATION_FAILED", "unavailable"],
    ["UNKNOWN_TOPIC_OR_PARTITION", "not_found"],
    ["OFFSET_OUT_OF_RANGE", "invalid_input"],
    ["MESSAGE_TOO_LARGE", "invalid_input"],
  ])("are ours for %s", (type, code) => {
    const known = explainKafka(failure(type), target);
    expect(known).toMatchObject({ code });
    expect(JSON.stringify(known)).not.toContain("host-17");
  });

  it.each(["NOT_LEADER_FOR_PARTITION", "REQUEST_TIMED_OUT", ""])(
    "say of %s that the cluster is away",
    (type) => {
      expect(explainKafka(failure(type), target)).toBeNull();
    },
  );
});

describe("an entry of Kafka", () => {
  it.each([
    ["a topic with other characters", { expose: { topics: ["orders/x"] } }],
    ["no sign-in, unsaid", { auth: undefined }],
    ["a sign-in that is not there", { auth: { type: "oauthbearer", user: "x" } }],
    ["a misspelt field", { produces: ["orders"] }],
  ])("refuses %s", (_what, change) => {
    expect(connectionEntry.safeParse(ENTRY).success).toBe(true);
    expect(connectionEntry.safeParse({ ...ENTRY, ...change }).success).toBe(false);
  });
});
