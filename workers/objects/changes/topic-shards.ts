import { changeGate, shardName } from "../../../shared/objects/change-gate.ts";
import { log } from "../../../shared/observe/log.ts";

/** Milliseconds for which a shard is announced to after it has named itself, and after which it does so again. */
const [ENROLLED_MS, AGAIN_MS] = [48 * 60 * 60_000, 24 * 60 * 60_000];

/** Milliseconds until an announcement that a shard did not take is sent again. */
const RETRY_MS = 5_000;

/** What is announced: `people` are the affected users; `null` for all. */
export interface Announcement {
  publication: number;
  people: readonly string[] | null;
}

/**
 * The shards of a topic that have subscribers, in the topic's own object: one announcement to it reaches them all, and a
 * shard without subscribers costs nothing. An announcement that a shard did not take is kept and sent again.
 */
export class TopicShards {
  readonly #sql: SqlStorage;
  readonly #env: Env;
  readonly #topic: string;

  constructor(sql: SqlStorage, env: Env, topic: string) {
    this.#sql = sql;
    this.#env = env;
    this.#topic = topic;
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

  /** Announces to every shard that it concerns. Never rejects. */
  async announce(announcement: Announcement): Promise<void> {
    this.#sql.exec("DELETE FROM shards WHERE until <= ?", Date.now());
    const shards = this.#sql.exec<{ name: string; owed: string | null }>("SELECT name, owed FROM shards");
    await Promise.all(
      shards.toArray().map(({ name, owed }) => this.#tell(name, merge(announcement, owed), owed !== null)),
    );
  }

  /** Sends again what shards did not take. */
  async announceOwed(): Promise<void> {
    const owed = this.#sql.exec<{ name: string; owed: string }>(
      "SELECT name, owed FROM shards WHERE owed IS NOT NULL",
    );
    await Promise.all(
      owed.toArray().map((row) => this.#tell(row.name, JSON.parse(row.owed) as Announcement, true)),
    );
  }

  /** When to send again what is owed, in milliseconds since the epoch; `null` for nothing. */
  owedAt(): number | null {
    return this.#sql.exec<{ at: number | null }>("SELECT min(owed_at) AS at FROM shards").one().at;
  }

  async #tell(name: string, { publication, people }: Announcement, wasOwed: boolean): Promise<void> {
    const own = people?.filter((person) => shardName(this.#topic, person) === name) ?? null;
    if (own?.length === 0) return;
    const event = { ...(publication > 0 && { publication }), ...(own && { people: own }) };
    const keep = (owed: string | null, at: number | null) =>
      this.#sql.exec("UPDATE shards SET owed = ?2, owed_at = ?3 WHERE name = ?1", name, owed, at);
    try {
      await changeGate(this.#env, name).publish(event);
      if (wasOwed) keep(null, null);
    } catch (failure) {
      keep(JSON.stringify({ publication, people: own }), Date.now() + RETRY_MS);
      log("warn", "change_not_announced", { topic: name, error: String(failure) });
    }
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
  return { publication: Math.max(announcement.publication, before.publication), people };
}
