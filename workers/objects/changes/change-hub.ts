import { DurableObject } from "cloudflare:workers";
import type {
  ChangeEvent,
  ChangeGate,
  Listener,
  Pace,
  SessionAddress,
} from "../../../shared/objects/change-gate.ts";
import { CHANGE_HEADER } from "../../../shared/objects/change-gate.ts";
import { ObjectAlarm } from "../../../shared/objects/object-alarm.ts";
import { stubOf } from "../../../shared/objects/open-object.ts";
import { log } from "../../../shared/observe/log.ts";

/** Lines that one person may hold to one topic: their clients' streams. */
const LINES_OF_A_PERSON = 20;

/** Milliseconds for which a session hears of changes unless it enrols again: as long as an unused session lives. */
const ENROLLED_MS = 24 * 60 * 60_000;

/** Milliseconds between two announcements: many changes at once are one piece of news. */
const PACE_MS: Readonly<Record<Pace, number>> = { soon: 1_000, calm: 10_000 };

/** Session objects that are told at the same time: each of them asks its person's object and its server's database. */
const BATCH = 25;

/** Milliseconds until the next of them are told, so that calls come in between. */
const PAUSE_MS = 25;

/**
 * Session objects that one run tells at most, in the order of their names; an alarm goes on with the next. Whoever
 * announces waits for the first run, and a request may send only so many others (Workers limits, «Subrequests»: 10,000).
 */
const PORTION = 250;

type Place = { binding: string; name: string };

/** News that not all sessions of a pace have been told yet. */
interface Delivery {
  publication: number;
  /** Whom it concerns; `null` for everybody. */
  people: readonly string[] | null;
  /** When to begin, or to go on. Milliseconds since the epoch. */
  dueAt: number;
  /** The last session that was told. */
  told: SessionAddress | null;
}

/**
 * One object per topic, which tells everybody who waits that something has changed: streams of the stateless generation
 * over hibernating WebSockets, sessions by a request to their object. It passes on no data and knows of nobody what
 * they may read.
 */
export class ChangeHub extends DurableObject<Env> implements ChangeGate {
  readonly #sql: SqlStorage;
  readonly #alarm: ObjectAlarm;
  readonly #announcedAt: Record<Pace, number> = { soon: 0, calm: 0 };
  #untold: ChangeEvent[] = [];
  #waiting: Promise<void> | undefined;

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
  }

  /** A line of a stateless stream: see `listenForChanges`. */
  override async fetch({ headers }: Request): Promise<Response> {
    const person = headers.get("gatehouse-listener") ?? "";
    if (this.ctx.getWebSockets(person).length >= LINES_OF_A_PERSON)
      return new Response(null, { status: 429 });
    const { 0: theirs, 1: ours } = new WebSocketPair();
    this.ctx.acceptWebSocket(ours, [
      person,
      tagOf(headers.get("gatehouse-pace") === "calm" ? "calm" : "soon"),
    ]);
    return new Response(null, { status: 101, webSocket: theirs });
  }

  override webSocketClose(line: WebSocket): void {
    line.close();
  }

  async subscribe({ binding, name }: SessionAddress, waits: Listener | null): Promise<void> {
    if (waits === null) {
      this.#sql.exec("DELETE FROM listeners WHERE binding = ? AND name = ?", binding, name);
      return;
    }
    this.#sql.exec(
      "INSERT OR REPLACE INTO listeners (binding, name, user_id, pace, until) VALUES (?, ?, ?, ?, ?)",
      binding,
      name,
      waits.userId,
      waits.pace,
      Date.now() + ENROLLED_MS,
    );
  }

  async countEnrolled(): Promise<number> {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM listeners").one().n;
  }

  async publish(news: ChangeEvent = {}): Promise<void> {
    if (news.publication !== undefined && news.publication <= this.#newestPublication()) return;
    this.#untold.push(news);
    await Promise.all([this.#announceSoon(), this.#announceCalmly()]);
  }

  override async alarm(): Promise<void> {
    await this.#alarm.run(() => this.#tellRest());
  }

  /** What could not be told at once: it was too early, or there were too many. */
  async #tellRest(): Promise<void> {
    const rounds = [...this.#readRounds()];
    const now = Math.max(Date.now(), Math.min(...rounds.map(([, { dueAt }]) => dueAt)));
    for (const [pace, round] of rounds) {
      if (round.dueAt > now) continue;
      if (round.told === null) this.#tellLines(pace, round);
      await this.#tellSessions(pace, round);
    }
    await this.#setAlarm();
  }

  async #announceSoon(): Promise<void> {
    const wait = this.#msUntilNext("soon");
    // Those who come while one waits are told of by it.
    this.#waiting ??= scheduler.wait(wait).then(() => {
      this.#waiting = undefined;
      return this.#tellAll("soon", this.#untold.splice(0));
    });
    await this.#waiting;
  }

  async #announceCalmly(): Promise<void> {
    const wait = this.#msUntilNext("calm");
    if (wait === 0) return await this.#tellAll("calm", []);
    if (this.#readRounds().has("calm")) return;
    // A timer would keep the object in memory, an alarm does not.
    this.#writeRound("calm", { publication: 0, people: null, dueAt: Date.now() + wait, told: null });
    await this.#setAlarm();
  }

  #msUntilNext(pace: Pace): number {
    const wait = this.#announcedAt[pace] + PACE_MS[pace] - Date.now();
    // More than the pace means that the clock jumped back.
    return wait > 0 && wait <= PACE_MS[pace] ? wait : 0;
  }

  /** @param news - what has been announced; nothing is the news that something changed for everybody */
  async #tellAll(pace: Pace, news: readonly ChangeEvent[]): Promise<void> {
    const publication = Math.max(0, ...news.map((one) => one.publication ?? 0));
    const named = news.flatMap(({ userId }) => userId ?? []);
    const people = named.length > 0 && named.length === news.length ? named : null;
    const round = { publication, people, dueAt: Date.now(), told: null };
    this.#tellLines(pace, round);
    await this.#tellSessions(pace, joinRounds(round, this.#readRounds().get(pace)));
    await this.#setAlarm();
    if (publication > this.#newestPublication()) this.#rememberPublication(publication);
  }

  #tellLines(pace: Pace, { publication, people }: Delivery): void {
    this.#announcedAt[pace] = Date.now();
    for (const line of this.ctx.getWebSockets(tagOf(pace))) {
      try {
        const [person = ""] = this.ctx.getTags(line);
        if (people?.includes(person) ?? true) line.send(String(publication));
      } catch {
        // It has just ended: its stream starts anew.
      }
    }
  }

  /** Tells the next sessions of a round, and keeps it for the alarm when there are more. */
  async #tellSessions(pace: Pace, round: Delivery): Promise<void> {
    this.#sql.exec("DELETE FROM listeners WHERE until <= ?", Date.now());
    const places = this.#sql
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
    // Before anybody is told: what is announced meanwhile has to know that a round is under way.
    const last = places.length === PORTION ? places.at(-1) : undefined;
    if (last) this.#writeRound(pace, { ...round, told: last });
    else if (this.#readRounds().has(pace)) this.#sql.exec("DELETE FROM rounds WHERE pace = ?", pace);
    for (let start = 0; start < places.length; start += BATCH) {
      if (start > 0) await scheduler.wait(PAUSE_MS);
      const batch = places.slice(start, start + BATCH);
      await Promise.all(batch.map((place) => this.#tell(place, round.publication)));
    }
  }

  /** A session that does not wait any more says so with its answer. */
  async #tell(place: SessionAddress, publication: number): Promise<void> {
    const namespace = (this.env as unknown as Record<string, DurableObjectNamespace | undefined>)[
      place.binding
    ];
    try {
      const headers = { [CHANGE_HEADER]: String(publication), "x-partykit-room": place.name };
      const session = namespace && stubOf(this.env, namespace, place.name);
      const response = await session?.fetch("https://changes/", { method: "POST", headers });
      if (response?.ok) return;
      await this.subscribe(place, null);
    } catch (failure) {
      log("warn", "session_not_told", { binding: place.binding, error: String(failure) });
    }
  }

  async #setAlarm(): Promise<void> {
    const times = [...this.#readRounds().values()].map(({ dueAt }) => dueAt);
    if (times.length > 0) await this.#alarm.set(Math.min(...times));
  }

  #readRounds(): Map<Pace, Delivery> {
    const rows = this.#sql.exec<{ pace: Pace; round: string }>("SELECT pace, round FROM rounds").toArray();
    return new Map(rows.map(({ pace, round }) => [pace, JSON.parse(round) as Delivery]));
  }

  #writeRound(pace: Pace, round: Delivery): void {
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

/** News that comes while others are still being told begins with the first session again, for all whom either concerns. */
function joinRounds(round: Delivery, before: Delivery | undefined): Delivery {
  if (!before?.told) return round;
  const people = round.people && before.people && [...round.people, ...before.people];
  return { ...round, publication: Math.max(round.publication, before.publication), people };
}

/** Tag of the lines of a pace. No person's id holds a colon. */
function tagOf(pace: Pace): string {
  return `pace:${pace}`;
}
