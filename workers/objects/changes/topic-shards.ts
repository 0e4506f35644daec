import { changeGate, shardName, topicOf } from "../../../shared/objects/change-gate.ts";
import { log } from "../../../shared/observe/log.ts";

/** Milliseconds for which a shard is announced to after it has named itself, and after which it does so again. */
const [ENROLLED_MS, AGAIN_MS] = [48 * 60 * 60_000, 24 * 60 * 60_000];

/** Milliseconds until an announcement that a shard did not take is sent again. */
const RETRY_MS = 5_000;

/** What is announced: `people` are the affected users; `null` for all. */
export interface Announcement {
  publication: number;
  people: readonly string[] | null;
  /** Whether it announces more than its publication: a shard that knows the publication still announces the rest. */
  others: boolean;
}

/**
 * The shards of a topic that have subscribers, in the topic's own object: one announcement to it reaches them all, and a
 * shard without subscribers costs nothing. What a shard is to be told is noted before it is sent and leaves the storage once
 * the shard took exactly that, so neither a failure nor an eviction in between loses it.
 */
export class TopicShards {
  readonly #sql: SqlStorage;
  readonly #env: Env;

  constructor(sql: SqlStorage, env: Env) {
    this.#sql = sql;
    this.#env = env;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS shards (
         name TEXT PRIMARY KEY, until INTEGER NOT NULL, owed TEXT, owed_at INTEGER) WITHOUT ROWID`,
    );
  }

  add(name: string): void {
    this.#sql.exec(
      "INSERT INTO shards (name, until) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET until = ?2",
      name,
      Date.now() + ENROLLED_MS,
    );
  }

  /** Notes an announcement for every shard that it concerns, in one turn. `sendOwed` sends it. */
  note(announcement: Announcement): void {
    this.#sql.exec("DELETE FROM shards WHERE until <= ?", Date.now());
    const shards = this.#sql.exec<{ name: string; owed: string | null }>("SELECT name, owed FROM shards");
    for (const { name, owed } of shards.toArray()) {
      const topic = topicOf(name) ?? "";
      const people = announcement.people?.filter((person) => shardName(topic, person) === name) ?? null;
      if (people?.length === 0) continue;
      // The version tells a note from an equal one that is written while the first is on its way.
      const note = { ...merge({ ...announcement, people }, owed), version: crypto.randomUUID() };
      this.#keep(name, JSON.stringify(note));
    }
  }

  /** Sends what is noted and was not taken. Never rejects. */
  async sendOwed(): Promise<void> {
    const owed = this.#sql.exec<{ name: string; owed: string }>(
      "SELECT name, owed FROM shards WHERE owed IS NOT NULL",
    );
    await Promise.all(owed.toArray().map((row) => this.#tell(row.name, row.owed)));
  }

  /** When to send again what is owed, in milliseconds since the epoch; `null` for nothing. */
  owedAt(): number | null {
    return this.#sql.exec<{ at: number | null }>("SELECT min(owed_at) AS at FROM shards").one().at;
  }

  async #tell(name: string, owed: string): Promise<void> {
    const { publication, people, others } = JSON.parse(owed) as Announcement;
    const event = {
      ...(publication > 0 && { publication }),
      ...(people && { people }),
      ...(others && { others }),
    };
    try {
      await changeGate(this.#env, name).publish(event);
      this.#sql.exec(
        "UPDATE shards SET owed = NULL, owed_at = NULL WHERE name = ?1 AND owed = ?2",
        name,
        owed,
      );
    } catch (failure) {
      this.#sql.exec(
        "UPDATE shards SET owed_at = ?2 WHERE name = ?1 AND owed IS NOT NULL",
        name,
        Date.now() + RETRY_MS,
      );
      log("warn", "change_not_announced", { topic: name, error: String(failure) });
    }
  }

  #keep(name: string, owed: string): void {
    this.#sql.exec(
      "UPDATE shards SET owed = ?2, owed_at = ?3 WHERE name = ?1",
      name,
      owed,
      Date.now() + RETRY_MS,
    );
  }
}

/** An object of a topic that names itself to the topic's own once it has subscribers. */
export class ShardOfTopic {
  readonly #sql: SqlStorage;
  readonly #enroll: () => Promise<void>;

  /** @param topic - the topic that it is a shard of */
  constructor(sql: SqlStorage, env: Env, topic: string, name: string) {
    this.#sql = sql;
    this.#enroll = () => changeGate(env, topic).enroll(name);
    sql.exec("CREATE TABLE IF NOT EXISTS enrolled (at INTEGER NOT NULL)");
  }

  /** Before the first subscriber is taken, and then once a day. Rejects when the topic's object does not answer. */
  async enroll(): Promise<void> {
    const [row] = this.#sql.exec<{ at: number }>("SELECT at FROM enrolled").toArray();
    const now = Date.now();
    if (row !== undefined && now - row.at < AGAIN_MS && now >= row.at) return;
    await this.#enroll();
    this.#sql.exec("DELETE FROM enrolled");
    this.#sql.exec("INSERT INTO enrolled (at) VALUES (?)", now);
  }
}

function merge(announcement: Announcement, owed: string | null): Announcement {
  if (owed === null) return announcement;
  const before = JSON.parse(owed) as Announcement;
  const people = announcement.people && before.people && [...announcement.people, ...before.people];
  // A note that only repeats a publication says nothing else; any other merge does.
  const others = announcement.others || before.others;
  return { publication: Math.max(announcement.publication, before.publication), people, others };
}
