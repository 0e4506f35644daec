import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { type ChangeEvent, shardName } from "../../shared/objects/change-gate.ts";
import { TopicShards } from "../../workers/objects/changes/topic-shards.ts";

const TOPIC = "/rights";
const SHARD = shardName(TOPIC, "p0");
/** Another person of the same shard. */
const OTHER = Array.from({ length: 500 }, (_, n) => `p${n + 1}`).find(
  (person) => shardName(TOPIC, person) === SHARD,
) as string;

const toPeople = (...people: string[]) => ({ publication: 0, people, others: true });

/** Shards over a database in memory, and the sends on their way, each of which a test lets arrive or fail. */
function open() {
  const database = new DatabaseSync(":memory:");
  const sql = {
    exec(query: string, ...values: string[]) {
      const statement = database.prepare(query);
      const rows = statement.all(...values);
      return { toArray: () => rows, one: () => rows[0] };
    },
  } as unknown as SqlStorage;
  const sends: { event: ChangeEvent; arrive(): void; fail(reason: Error): void }[] = [];
  const publish = (event: ChangeEvent) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    sends.push({ event, arrive: resolve, fail: reject });
    return promise;
  };
  const env = { CHANGE_HUB: { idFromName: (name: string) => name, get: () => ({ publish }) } };
  const shards = new TopicShards(sql, env as unknown as Env);
  shards.add(SHARD);
  return { shards, sends };
}

describe("what a shard is to be told", () => {
  it("keeps both of two announcements that fail at the same time", async () => {
    const { shards, sends } = open();
    shards.note(toPeople("p0"));
    const first = shards.sendOwed();
    shards.note(toPeople(OTHER));
    const second = shards.sendOwed();
    for (const { fail } of sends) fail(new Error("reset"));
    await Promise.all([first, second]);
    void shards.sendOwed();
    expect([...(sends.at(-1)?.event.people ?? [])].sort()).toEqual(["p0", OTHER].sort());
  });

  it("keeps what was noted while an earlier announcement was on its way and arrived", async () => {
    const { shards, sends } = open();
    shards.note(toPeople("p0"));
    const first = shards.sendOwed();
    shards.note(toPeople(OTHER));
    sends[0]?.arrive();
    await first;
    expect(shards.owedAt()).not.toBeNull();
    const second = shards.sendOwed();
    expect(sends[1]?.event.people).toContain(OTHER);
    sends[1]?.arrive();
    await second;
    expect(shards.owedAt()).toBeNull();
  });

  it("says that a publication comes with other changes, once a person's change is merged into it", () => {
    const { shards, sends } = open();
    shards.note({ publication: 5, people: null, others: false });
    void shards.sendOwed();
    shards.note(toPeople("p0"));
    void shards.sendOwed();
    expect(sends.map(({ event }) => event)).toEqual([{ publication: 5 }, { publication: 5, others: true }]);
  });

  it("is nothing for a change of people who are with other shards", () => {
    const { shards } = open();
    const stranger = ["a", "b", "c", "d", "e"].find((person) => shardName(TOPIC, person) !== SHARD) as string;
    shards.note(toPeople(stranger));
    expect(shards.owedAt()).toBeNull();
  });
});
