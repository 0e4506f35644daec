import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { feedSinks } from "../../workers/audit-log/feed-sinks.ts";
import { readLags } from "../../workers/audit-log/sinks/cursor.ts";
import { httpSink } from "../../workers/audit-log/sinks/http-sink.ts";
import { makeLettersDue } from "../../workers/audit-log/sinks/letters.ts";
import { FURTHER_SINKS, HTTP_FORMS } from "../../workers/audit-log/sinks/list.ts";
import type { Receiver } from "./receiver.ts";
import { createReceivers } from "./receivers.ts";

const HOUR_MS = 60 * 60_000;
const START = Date.UTC(2026, 10, 29, 12, 30);

/** Records of the trail in the database, one in `stepMs` from 12:30 on. */
async function storeRecords(count: number, from = 1, stepMs = 1_000): Promise<void> {
  await env.PLATFORM_DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT ?2 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 + ?1 - 1)
     INSERT INTO audit_record (chain, sequence, hash, body, salt, event)
     SELECT 'user_sent', i, printf('%032x%032x', i, i),
            json_object('version', 2, 'chain', 'user_sent', 'sequence', i, 'at', ?3 + i * ?4, 'type', 'sign_out'),
            's', '{"type":"sign_out","note":"ü \\n"}'
       FROM n`,
  )
    .bind(count, from, START, stepMs)
    .run();
}

async function listStored(): Promise<string[]> {
  const { results } = await env.PLATFORM_DB.prepare(
    "SELECT chain || '/' || sequence AS place FROM audit_record ORDER BY id",
  ).all<{ place: string }>();
  return results.map(({ place }) => place);
}

/** A receiver with its sink, in an environment that has its settings. */
function connect(name: string) {
  const receiver = createReceivers().find((one) => one.name === name) as Receiver;
  const form = HTTP_FORMS.find((one) => one.name === name);
  if (form === undefined) throw new Error(`No form ${name}.`);
  const sink = httpSink(form, receiver.ask as typeof fetch);
  const own = { ...env, ...receiver.settings } as Env;
  const feed = (given: Env = own) => feedSinks(given, [sink], receiver.mood === "hangs" ? 1 : undefined);
  const lag = async () => (await readLags(env.PLATFORM_DB, [name], Date.now()))[0];
  return { receiver, own, feed, lag };
}

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);

beforeEach(async () => {
  await env.PLATFORM_DB.batch(
    ["audit_record", "audit_sink", "audit_sink_letter", "sqlite_sequence"].map((table) =>
      env.PLATFORM_DB.prepare(`DELETE FROM ${table}`),
    ),
  );
  vi.useFakeTimers({ toFake: ["Date"], now: START + HOUR_MS });
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe.each(createReceivers().map(({ name }) => name))("the sink %s", (name) => {
  it("brings every record, signed or with its credential, and sends nothing again", async () => {
    const { receiver, feed, lag } = connect(name);
    await storeRecords(1_900);
    await feed();
    expect(receiver.list()).toEqual(await listStored());
    const sent = receiver.requests.length;
    await feed();
    expect(receiver.requests).toHaveLength(sent);
    expect(await lag()).toEqual({ name, failures: 0, lagMs: 0, refused: 0 });
  });

  it("is off without its address, and fails without its other settings", async () => {
    const { own, feed, lag } = connect(name);
    await storeRecords(1);
    const [address = "", ...others] = Object.keys(connect(name).receiver.settings);
    await feed({ ...own, [address]: "" } as Env);
    expect(await env.PLATFORM_DB.prepare("SELECT name FROM audit_sink").first()).toBeNull();
    await feed({ ...own, ...Object.fromEntries(others.map((other) => [other, ""])) } as Env);
    expect((await lag())?.failures).toBe(1);
  });

  it("is tried for ever with a wrong credential or wrong settings, and loses no record", async () => {
    const { receiver, feed, lag } = connect(name);
    await storeRecords(3);
    for (const change of [() => (receiver.credential = "x"), () => (receiver.mood = "wrong settings")]) {
      receiver.credential = "test-only-credential";
      change();
      for (let hour = 0; hour < 30; hour += 1) {
        await feed();
        pass(HOUR_MS);
      }
    }
    expect(await lag()).toMatchObject({ failures: 60, refused: 0 });
    receiver.mood = "up";
    await feed();
    expect(receiver.list()).toEqual(await listStored());
  });

  it("brings every record of a quiet trail, one an hour, to a receiver that takes its time", async () => {
    const { receiver, feed, lag } = connect(name);
    await storeRecords(200, 1, HOUR_MS);
    receiver.onKept = () => void pass(2_500);
    for (let run = 0; run < 4; run += 1) await feed();
    expect(receiver.list().toSorted()).toEqual((await listStored()).toSorted());
    expect(await lag()).toMatchObject({ failures: 0, refused: 0 });
  });

  it("waits as long as the receiver asks for with 429", async () => {
    const { receiver, feed } = connect(name);
    await storeRecords(3);
    receiver.mood = "busy";
    await feed();
    receiver.mood = "up";
    pass(29 * 60_000);
    await feed();
    expect(receiver.list()).toEqual([]);
    pass(60_000);
    await feed();
    expect(receiver.list()).toEqual(await listStored());
  });

  it("gives a receiver up that hangs, and goes on later", async () => {
    const { receiver, feed, lag } = connect(name);
    await storeRecords(3);
    receiver.mood = "hangs";
    await feed();
    expect((await lag())?.failures).toBe(1);
    receiver.mood = "up";
    pass(HOUR_MS);
    await feed();
    expect(receiver.list()).toEqual(await listStored());
  });

  it("sends less at once to a receiver that answers 413", async () => {
    const { receiver, feed } = connect(name);
    receiver.mostRecords = 70;
    await storeRecords(600);
    await feed();
    expect(receiver.list().toSorted()).toEqual((await listStored()).toSorted());
  });

  it("goes on without a record that the receiver calls invalid, and brings it once it is taken", async () => {
    const { receiver, feed, lag } = connect(name);
    await storeRecords(600);
    receiver.invalid.add("user_sent/300");
    await feed();
    expect(receiver.list().toSorted()).toEqual(
      (await listStored()).filter((place) => !receiver.invalid.has(place)).toSorted(),
    );
    expect(await lag()).toEqual({ name, failures: 0, lagMs: 0, refused: 1 });
    receiver.invalid.clear();
    await feed();
    expect((await lag())?.refused).toBe(1);
    await makeLettersDue(env.PLATFORM_DB);
    await feed();
    expect(receiver.list().toSorted()).toEqual((await listStored()).toSorted());
    expect((await lag())?.refused).toBe(0);
  });

  it("is not held by a receiver that is too slow for the search of an invalid record, and loses none", async () => {
    const { receiver, feed, lag } = connect(name);
    await storeRecords(40);
    receiver.invalid.add("user_sent/40");
    receiver.onKept = () => void pass(9_000);
    await feed();
    expect(await lag()).toMatchObject({ failures: 0, lagMs: 0 });
    receiver.onKept = () => undefined;
    for (let run = 0; run < 2; run += 1) {
      await makeLettersDue(env.PLATFORM_DB);
      await feed();
    }
    expect(receiver.list().toSorted()).toEqual((await listStored()).slice(0, -1).toSorted());
    expect((await lag())?.refused).toBe(1);
  });

  it("is held for a day by a window of which nothing is taken, and not longer", async () => {
    const { receiver, feed, lag } = connect(name);
    await storeRecords(2);
    for (const place of await listStored()) receiver.invalid.add(place);
    await feed();
    await storeRecords(1, 3);
    pass(23 * HOUR_MS);
    await feed();
    expect(receiver.list()).toEqual([]);
    expect(await lag()).toMatchObject({ failures: 2, refused: 0 });
    pass(HOUR_MS);
    await feed();
    expect(receiver.list()).toEqual(["user_sent/3"]);
    expect(await lag()).toMatchObject({ failures: 0, refused: 2 });
    // What the trail has removed is not brought any more.
    await env.PLATFORM_DB.prepare("DELETE FROM audit_record WHERE sequence = 1").run();
    receiver.invalid.clear();
    pass(HOUR_MS);
    await feed();
    expect(receiver.list().toSorted()).toEqual(["user_sent/2", "user_sent/3"]);
    expect((await lag())?.refused).toBe(0);
  });
});

it("sinks ask neither plain http nor a private host, and follow no redirect", async () => {
  const syslog = FURTHER_SINKS.find(({ name }) => name === "syslog");
  for (const AUDIT_SYSLOG_URL of [
    "http://logs.example.com/",
    "https://127.0.0.1/",
    "https://logs.internal/",
  ]) {
    await expect(syslog?.write({ ...env, AUDIT_SYSLOG_URL } as Env, [], "1")).rejects.toThrow("is not asked");
  }
  const form = HTTP_FORMS.find(({ name }) => name === "syslog");
  if (form === undefined) throw new Error("No form.");
  const redirecting = httpSink(
    form,
    async () => new Response(null, { status: 307, headers: { location: "/" } }),
  );
  const own = { ...env, AUDIT_SYSLOG_URL: "https://logs.example.com/" } as Env;
  await expect(redirecting.write(own, [], "1")).rejects.toThrow("answered 307");
});
