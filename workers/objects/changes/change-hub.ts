import { DurableObject } from "cloudflare:workers";
import type {
  ChangeEvent,
  ChangeGate,
  Listener,
  Pace,
  SessionAddress,
} from "../../../shared/objects/change-gate.ts";
import { CHANGE_HEADER, topicOf } from "../../../shared/objects/change-gate.ts";
import { ObjectAlarm } from "../../../shared/objects/object-alarm.ts";
import { stubOf } from "../../../shared/objects/open-object.ts";
import { log } from "../../../shared/observe/log.ts";
import { type Announcement, ShardOfTopic, TopicShards } from "./topic-shards.ts";

/** Most connections per user to one topic: streams of the user's clients. */
const STREAMS_PER_USER = 20;

/**
 * Milliseconds for which a session stays subscribed unless it subscribes again: the lifetime of an unused
 * session.
 */
const SUBSCRIBED_MS = 24 * 60 * 60_000;

/** Milliseconds between two notifications: changes in between are merged. */
const PACE_MS: Readonly<Record<Pace, number>> = { soon: 1_000, calm: 10_000 };

/**
 * Session objects that are notified in parallel: each calls its Principal object and its server's database.
 */
const BATCH = 25;

/** Milliseconds between two batches, so that calls are served in between. */
const PAUSE_MS = 25;

/**
 * Most session objects per run, in the order of their names; an alarm continues with the next. The publisher
 * awaits the first run, and a request may send only a limited number of subrequests (Workers limits,
 * «Subrequests»: 10,000).
 */
const PORTION = 250;

type Place = { binding: string; name: string };

/** An event that some sessions of a pace have not received yet. */
interface Delivery {
  publication: number;
  /** Affected users; `null` for all. */
  people: readonly string[] | null;
  /** Time to start or continue, in milliseconds since the epoch. */
  dueAt: number;
  /** The last notified session. */
  told: SessionAddress | null;
}

/**
 * Objects of a topic, which notify all subscribers that something has changed. Changes are announced to the topic's own
 * object; its shards hold the subscribers by person: streams of the stateless
 * generation over hibernating WebSockets, sessions by a request to their object. It carries no data and makes
 * no authorization decision; subscribers re-read with their own rights.
 */
export class ChangeHub extends DurableObject<Env> implements ChangeGate {
  readonly #sql: SqlStorage;
  readonly #alarm: ObjectAlarm;
  readonly #shards: TopicShards;
  /** Set in a shard. */
  readonly #shard: ShardOfTopic | null;
  readonly #announcedAt: Record<Pace, number> = { soon: 0, calm: 0 };
  #pending: ChangeEvent[] = [];
  #waiting: Promise<unknown> | undefined;
  #hasAlarm = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#alarm = new ObjectAlarm(ctx.storage, "ChangeHub");
    this.#sql.exec(
      `CREATE TABLE IF NOT EXISTS listeners (
         binding TEXT, name TEXT, user_id TEXT NOT NULL, pace TEXT NOT NULL, until INTEGER NOT NULL,
         PRIMARY KEY (binding, name)) WITHOUT ROWID`,
    );
    this.#sql.exec("CREATE TABLE IF NOT EXISTS announced (publication INTEGER NOT NULL)");
    this.#sql.exec("CREATE TABLE IF NOT EXISTS rounds (pace TEXT PRIMARY KEY, round TEXT NOT NULL)");
    const name = this.#readName(ctx.id.name);
    const topic = topicOf(name);
    this.#shards = new TopicShards(this.#sql, env);
    this.#shard = topic === null ? null : new ShardOfTopic(this.#sql, env, topic, name);
  }

  /** Accepts the connection of a stateless stream; see `listenForChanges`. */
  override async fetch({ headers }: Request): Promise<Response> {
    const person = headers.get("gatehouse-listener") ?? "";
    await this.#shard?.enroll();
    if (this.ctx.getWebSockets(person).length >= STREAMS_PER_USER) return new Response(null, { status: 429 });
    const { 0: theirs, 1: ours } = new WebSocketPair();
    this.ctx.acceptWebSocket(ours, [
      person,
      tagOf(headers.get("gatehouse-pace") === "calm" ? "calm" : "soon"),
    ]);
    return new Response(null, { status: 101, webSocket: theirs });
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }

  async subscribe({ binding, name }: SessionAddress, waits: Listener | null): Promise<void> {
    if (waits === null) {
      this.#sql.exec("DELETE FROM listeners WHERE binding = ? AND name = ?", binding, name);
      return;
    }
    await this.#shard?.enroll();
    this.#sql.exec(
      "INSERT OR REPLACE INTO listeners (binding, name, user_id, pace, until) VALUES (?, ?, ?, ?, ?)",
      binding,
      name,
      waits.userId,
      waits.pace,
      Date.now() + SUBSCRIBED_MS,
    );
  }

  async enroll(shard: string): Promise<void> {
    this.#shards.add(shard);
  }

  async countEnrolled(): Promise<number> {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM listeners").one().n;
  }

  async publish(event: ChangeEvent = {}): Promise<void> {
    const { publication = Number.POSITIVE_INFINITY, userId, people, others } = event;
    const isPublicationOnly = userId === undefined && people === undefined && !others;
    if (isPublicationOnly && publication <= this.#newestPublication()) return;
    this.#pending.push(event);
    await Promise.all([this.#announceSoon(), this.#announceCalmly()]);
  }

  override async alarm(): Promise<void> {
    await this.#alarm.run(() => this.#notifyRest());
  }

  /** Continues with deliveries that were too early or too many for one run. */
  async #notifyRest(): Promise<void> {
    const rounds = [...this.#readDeliveries()];
    const now = Math.max(Date.now(), Math.min(...rounds.map(([, { dueAt }]) => dueAt)));
    await this.#shards.sendOwed();
    for (const [pace, round] of rounds) {
      if (round.dueAt > now) continue;
      if (round.told === null) this.#notifyStreams(pace, round);
      await this.#notifySessions(pace, round);
    }
    await this.#setAlarm();
  }

  async #announceSoon(): Promise<void> {
    const wait = this.#msUntilNext("soon");
    // Events that arrive during the wait are merged into it.
    this.#waiting ??= scheduler.wait(wait).then(() => {
      this.#waiting = undefined;
      const events = this.#pending.splice(0);
      // Noted before anything is sent, and before the publication counts as announced.
      this.#shards.note(describe(events));
      return Promise.all([this.#setAlarm(), this.#notifyAll("soon", events), this.#shards.sendOwed()]);
    });
    await this.#waiting;
    await this.#setAlarm();
  }

  async #announceCalmly(): Promise<void> {
    if (!this.#hasSubscribers("calm")) return;
    const wait = this.#msUntilNext("calm");
    if (wait === 0) return await this.#notifyAll("calm", []);
    if (this.#readDeliveries().has("calm")) return;
    // An alarm, because a timer would keep the object in memory.
    this.#writeDelivery("calm", { publication: 0, people: null, dueAt: Date.now() + wait, told: null });
    await this.#setAlarm();
  }

  #hasSubscribers(pace: Pace): boolean {
    if (this.ctx.getWebSockets(tagOf(pace)).length > 0) return true;
    return this.#sql.exec("SELECT 1 FROM listeners WHERE pace = ? LIMIT 1", pace).toArray().length > 0;
  }

  #msUntilNext(pace: Pace): number {
    const wait = this.#announcedAt[pace] + PACE_MS[pace] - Date.now();
    // A wait longer than the pace means that the clock jumped back.
    return wait > 0 && wait <= PACE_MS[pace] ? wait : 0;
  }

  /** @param events - the published events; without any, something changed for all users */
  async #notifyAll(pace: Pace, events: readonly ChangeEvent[]): Promise<void> {
    const { publication, people } = describe(events);
    const round = { publication, people, dueAt: Date.now(), told: null };
    this.#notifyStreams(pace, round);
    await this.#notifySessions(pace, mergeDeliveries(round, this.#readDeliveries().get(pace)));
    await this.#setAlarm();
    if (publication > this.#newestPublication()) this.#rememberPublication(publication);
  }

  #notifyStreams(pace: Pace, { publication, people }: Delivery): void {
    this.#announcedAt[pace] = Date.now();
    for (const socket of this.ctx.getWebSockets(tagOf(pace))) {
      try {
        const [person = ""] = this.ctx.getTags(socket);
        if (people?.includes(person) ?? true) socket.send(String(publication));
      } catch {
        // The connection has just closed: its stream connects again.
      }
    }
  }

  /** Notifies the next sessions of a delivery, and stores the rest for the alarm. */
  async #notifySessions(pace: Pace, round: Delivery): Promise<void> {
    this.#sql.exec("DELETE FROM listeners WHERE until <= ?", Date.now());
    const addresses = this.#sql
      .exec<Place>(
        `SELECT binding, name FROM listeners
          WHERE pace = ?1 AND (binding, name) > (?2, ?3) AND (?4 IS NULL OR user_id IN (SELECT value FROM json_each(?4)))
          ORDER BY binding, name LIMIT ${PORTION}`,
        pace,
        round.told?.binding ?? "",
        round.told?.name ?? "",
        round.people && JSON.stringify(round.people),
      )
      .toArray();
    // Stored before the first session is notified, so that an event published meanwhile finds the delivery.
    const last = addresses.length === PORTION ? addresses.at(-1) : undefined;
    if (last) this.#writeDelivery(pace, { ...round, told: last });
    else if (this.#readDeliveries().has(pace)) this.#sql.exec("DELETE FROM rounds WHERE pace = ?", pace);
    for (let start = 0; start < addresses.length; start += BATCH) {
      if (start > 0) await scheduler.wait(PAUSE_MS);
      const batch = addresses.slice(start, start + BATCH);
      await Promise.all(batch.map((address) => this.#notify(address, round.publication)));
    }
  }

  /** A session that is no longer subscribed says so in its response. */
  async #notify(address: SessionAddress, publication: number): Promise<void> {
    const namespace = (this.env as unknown as Record<string, DurableObjectNamespace | undefined>)[
      address.binding
    ];
    try {
      const headers = { [CHANGE_HEADER]: String(publication), "x-partykit-room": address.name };
      const session = namespace && stubOf(this.env, namespace, address.name);
      const response = await session?.fetch("https://changes/", { method: "POST", headers });
      if (response?.ok) return;
      await this.subscribe(address, null);
    } catch (failure) {
      log("warn", "session_not_told", { binding: address.binding, error: String(failure) });
    }
  }

  async #setAlarm(): Promise<void> {
    const owedAt = this.#shards.owedAt();
    const times = [...this.#readDeliveries().values()].map(({ dueAt }) => dueAt);
    if (owedAt !== null) times.push(owedAt);
    if (times.length === 0 && !this.#hasAlarm) return;
    this.#hasAlarm = times.length > 0;
    // An alarm for an announcement that has arrived meanwhile would wake the object for nothing.
    await this.#alarm.set(this.#hasAlarm ? Math.min(...times) : null);
  }

  /** The object's own name. An object that its alarm wakes may not be told it (`ctx.id.name`), so it is stored. */
  #readName(named: string | undefined): string {
    this.#sql.exec("CREATE TABLE IF NOT EXISTS own_name (name TEXT PRIMARY KEY)");
    const [row] = this.#sql.exec<{ name: string }>("SELECT name FROM own_name").toArray();
    if (row !== undefined || named === undefined) return row?.name ?? "";
    this.#sql.exec("INSERT INTO own_name (name) VALUES (?)", named);
    return named;
  }

  #readDeliveries(): Map<Pace, Delivery> {
    const rows = this.#sql.exec<{ pace: Pace; round: string }>("SELECT pace, round FROM rounds").toArray();
    return new Map(rows.map(({ pace, round }) => [pace, JSON.parse(round) as Delivery]));
  }

  #writeDelivery(pace: Pace, round: Delivery): void {
    this.#sql.exec("INSERT OR REPLACE INTO rounds (pace, round) VALUES (?, ?)", pace, JSON.stringify(round));
  }

  #newestPublication(): number {
    const [row] = this.#sql.exec<{ publication: number }>("SELECT publication FROM announced").toArray();
    return row?.publication ?? 0;
  }

  #rememberPublication(publication: number): void {
    this.#sql.exec("DELETE FROM announced");
    this.#sql.exec("INSERT INTO announced (publication) VALUES (?)", publication);
  }
}

/** What several events announce together. */
function describe(events: readonly ChangeEvent[]): Announcement {
  const publication = Math.max(0, ...events.map((one) => one.publication ?? 0));
  const named = events.map(({ userId, people }) => people ?? (userId === undefined ? [] : [userId]));
  const isLimited = named.length > 0 && named.every((people) => people.length > 0);
  const others = events.some(
    (one) =>
      one.publication === undefined || one.userId !== undefined || one.people !== undefined || one.others,
  );
  return { publication, people: isLimited ? named.flat() : null, others };
}

/**
 * An event published during a delivery restarts it with the first session, for all users that either
 * concerns.
 */
function mergeDeliveries(round: Delivery, before: Delivery | undefined): Delivery {
  if (!before?.told) return round;
  const people = round.people && before.people && [...round.people, ...before.people];
  return { ...round, publication: Math.max(round.publication, before.publication), people };
}

/** WebSocket tag for a pace. User ids contain no colon. */
function tagOf(pace: Pace): string {
  return `pace:${pace}`;
}
