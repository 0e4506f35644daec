import { env } from "cloudflare:workers";
import { CompressionTypes, Kafka, logLevel } from "kafkajs";
import { beforeAll, describe, expect, it } from "vitest";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { openToViewers, publishConnections } from "../../support/publish-connections.ts";
import { LANES, openSession } from "../../support/session.ts";

/** The cluster in memory of librdkafka; `null` where it is not installed. */
const { kafka: place } = (
  env as unknown as { TEST_DOUBLES: { kafka: { host: string; port: number } | null } }
).TEST_DOUBLES;

const ENTRY = {
  kind: "kafka",
  title: "Events",
  description: "Events of the web shop.",
  owner: "shop@people.example",
  reach: { ...place, tls: "off" },
  auth: { type: "none" },
  expose: { topics: ["ord*", "packed"], groups: ["billing"] },
  produce: ["orders"],
  // The cluster in memory knows no rights.
  allow_privileged_role: true,
  classes: { "orders/value.customer.email": "pii", "headers.user": "pii" },
};

const SCOPES = ["events:read", "events:write"];

describe.skipIf(place === null)("a Kafka connection, against the cluster in memory of librdkafka", () => {
  beforeAll(async () => {
    await publishConnections({ events: connectionEntry.parse(ENTRY) });
    await openToViewers("events");
    const session = await openSession({ server: "events", lane: LANES[0], scopes: SCOPES });
    for (let at = 0; at < 6; at += 1) {
      const value = { at, customer: { name: "Ann", email: `c${at}@people.example` } };
      const written = await session.call("events_produce", {
        topic: "orders",
        key: `k${at}`,
        value,
        headers: { user: "ann@people.example", trace: "t" },
      });
      expect(written.error).toBeUndefined();
    }
    // Another revision: fields are learnt from the messages that are there now.
    await publishConnections({ events: connectionEntry.parse({ ...ENTRY, title: "All events" }) });
  });

  describe.each(LANES)("on the %s lane", (lane) => {
    const open = (role: string, scopes = ["events:read"]) =>
      openSession({ server: "events", lane, as: `user-${role}`, role, scopes });

    it("gives two roles the same messages, each with what it may see", async () => {
      const all = await (await open("admin")).call("events_peek", { topic: "orders", limit: 2 });
      expect(all.error ?? all.data.messages).toHaveLength(2);
      expect(all.data.messages[0]).toMatchObject({
        key: "k5",
        value: { at: 5, customer: { email: "c5@people.example" } },
        headers: { user: "ann@people.example", trace: "t" },
      });
      const less = await (await open("viewer")).call("events_peek", { topic: "orders", limit: 2 });
      expect(less.data.messages[0]).toMatchObject({ key: "k5", value: { at: 5, customer: { name: "Ann" } } });
      expect(JSON.stringify(less.data)).not.toMatch(/c5@people|ann@people/);
    });

    it("shows where partitions begin and end, and messages from an offset and a time on", async () => {
      const session = await open("admin");
      const { data } = await session.call("events_read_offsets", { topic: "orders", group: "billing" });
      const ends = data.partitions.map(({ latest }: { latest: string }) => Number(latest));
      expect(ends.reduce((sum: number, end: number) => sum + end, 0)).toBe(6);
      const partition = ends.findIndex((end: number) => end > 0);
      const from = await session.call("events_peek", { topic: "orders", partition, offset: "0" });
      expect(from.data.messages).toHaveLength(ends[partition]);
      expect(from.data.messages[0]).toMatchObject({ partition, offset: "0" });
      const later = await session.call("events_peek", { topic: "orders", since: "2999-01-01T00:00:00Z" });
      expect(later.data).toEqual({ messages: [], cut: false });
      const without = await session.call("events_peek", { topic: "orders", offset: "0" });
      expect(without.error).toMatchObject({ code: "invalid_input" });
    });

    it("shows topics and fields, and refuses what is not exposed, not written to, or masked", async () => {
      const session = await open("viewer");
      const { data } = await session.call("events_search_objects", { topic: "orders" });
      expect(data.topics[0].fields).toEqual(
        expect.arrayContaining(["value.at number", "value.customer.email string, not for your role"]),
      );
      for (const [tool, args, code] of [
        ["events_peek", { topic: "private" }, "invalid_input"],
        ["events_peek", { topic: "__consumer_offsets" }, "invalid_input"],
        ["events_peek", { topic: "new_topic" }, "invalid_input"],
        ["events_read_offsets", { topic: "orders", group: "other" }, "forbidden"],
      ] as const) {
        expect((await session.call(tool, args)).error, JSON.stringify(args)).toMatchObject({ code });
      }
      const writer = await open("admin", SCOPES);
      const masked = await writer.call("events_produce", {
        topic: "orders",
        value: { email: "c•••@people.example" },
      });
      expect(masked.error).toMatchObject({ code: "invalid_input" });
      const elsewhere = await writer.call("events_produce", { topic: "private", value: "x" });
      expect(elsewhere.error).toMatchObject({ code: "invalid_input" });
    });
  });

  it("is written once for a key of its person, also if another person uses the same one", async () => {
    const ann = await openSession({ server: "events", lane: LANES[0], as: "ann", scopes: SCOPES });
    const bob = await openSession({ server: "events", lane: LANES[1], as: "bob", scopes: SCOPES });
    const asked = { topic: "orders", value: "keyed", idempotency_key: "order-4711" };
    const first = await ann.call("events_produce", asked);
    expect(first.error ?? first.data).toMatchObject({ replayed: false });
    const again = await ann.call("events_produce", asked);
    expect(again.data).toEqual({ ...first.data, replayed: true });
    const other = await ann.call("events_produce", { ...asked, value: "other" });
    expect(other.error).toMatchObject({ code: "conflict" });
    const own = await bob.call("events_produce", asked);
    expect(own.data).toMatchObject({ replayed: false });
    const placeOf = ({ partition, offset }: { partition: number; offset: string }) => [partition, offset];
    expect(placeOf(own.data)).not.toEqual(placeOf(first.data));
  });

  it("unpacks a batch that an object can hold, and refuses one that it cannot", async () => {
    const brokers = [`${place?.host}:${place?.port}`];
    const writer = new Kafka({ brokers, logLevel: logLevel.NOTHING }).producer();
    await writer.connect();
    const topic = "packed";
    for (const [partition, value] of ["small", "x".repeat(60_000_000)].entries())
      await writer.send({ topic, compression: CompressionTypes.GZIP, messages: [{ partition, value }] });
    await writer.disconnect();
    const session = await openSession({ server: "events", lane: LANES[0], scopes: ["events:read"] });
    const small = await session.call("events_peek", { topic: "packed", partition: 0 });
    expect(small.error ?? small.data.messages).toMatchObject([{ value: "small" }]);
    const bomb = await session.call("events_peek", { topic: "packed", partition: 1 });
    expect(bomb.error).toMatchObject({ code: "result_too_large" });
  });

  it("writes with the scope for it alone", async () => {
    const session = await openSession({ server: "events", lane: LANES[0], scopes: ["events:read"] });
    const refused = await session.request("tools/call", {
      name: "events_produce",
      arguments: { topic: "orders", value: "x" },
    });
    expect(refused.status).toBe(403);
  });
});
