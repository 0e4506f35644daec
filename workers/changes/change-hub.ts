import { DurableObject } from "cloudflare:workers";
import { CHANGE_HEADER, type ChangeGate, type SessionPlace } from "../../shared/mcp/changes.ts";
import { log } from "../../shared/observe/log.ts";

/** Lines that one person may hold to one server: their clients' streams. */
const LINES_OF_A_PERSON = 20;

/** Milliseconds for which a session hears of changes unless it enrols again: as long as an unused session lives. */
const ENROLLED_MS = 24 * 60 * 60_000;

/** Milliseconds between two announcements: many changes at once are one piece of news. */
const PACE_MS = 1_000;

/** Session objects that are told at the same time. */
const BATCH = 50;

/**
 * One object per server, which tells everybody who waits that its data has changed: streams of the stateless
 * generation over hibernating WebSockets, sessions by a request to their object. It passes on no data and knows of
 * nobody what they may read.
 */
export class ChangeHub extends DurableObject<Env> implements ChangeGate {
  readonly #sql: SqlStorage;
  #announcedAt = 0;
  #waiting: Promise<void> | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS sessions (binding TEXT, name TEXT, until INTEGER NOT NULL, PRIMARY KEY (binding, name))",
    );
  }

  /** A line of a stateless stream: see `listenForChanges`. */
  override async fetch(request: Request): Promise<Response> {
    const person = request.headers.get("gatehouse-listener") ?? "";
    if (this.ctx.getWebSockets(person).length >= LINES_OF_A_PERSON)
      return new Response(null, { status: 429 });
    const { 0: theirs, 1: ours } = new WebSocketPair();
    this.ctx.acceptWebSocket(ours, [person]);
    return new Response(null, { status: 101, webSocket: theirs });
  }

  override webSocketClose(line: WebSocket): void {
    line.close();
  }

  async enrol({ binding, name }: SessionPlace, waits: boolean): Promise<void> {
    if (waits) {
      const until = Date.now() + ENROLLED_MS;
      this.#sql.exec(
        "INSERT OR REPLACE INTO sessions (binding, name, until) VALUES (?, ?, ?)",
        binding,
        name,
        until,
      );
    } else this.#sql.exec("DELETE FROM sessions WHERE binding = ? AND name = ?", binding, name);
  }

  async announce(): Promise<void> {
    const wait = this.#announcedAt + PACE_MS - Date.now();
    if (wait <= 0 || wait > PACE_MS) return await this.#tellAll();
    // Those who come while one waits are told of by it.
    this.#waiting ??= scheduler.wait(wait).then(() => this.#tellAll());
    await this.#waiting;
  }

  async #tellAll(): Promise<void> {
    this.#announcedAt = Date.now();
    this.#waiting = undefined;
    for (const line of this.ctx.getWebSockets()) {
      try {
        line.send("");
      } catch {
        // It has just ended: its stream starts anew.
      }
    }
    this.#sql.exec("DELETE FROM sessions WHERE until <= ?", Date.now());
    const places = this.#sql
      .exec<{ binding: string; name: string }>("SELECT binding, name FROM sessions")
      .toArray();
    for (let start = 0; start < places.length; start += BATCH) {
      await Promise.all(places.slice(start, start + BATCH).map((place) => this.#tell(place)));
    }
  }

  /** A session that does not wait any more says so with its answer. */
  async #tell(place: SessionPlace): Promise<void> {
    const namespace = (this.env as unknown as Record<string, DurableObjectNamespace | undefined>)[
      place.binding
    ];
    try {
      const response = await namespace?.get(namespace.idFromName(place.name)).fetch("https://changes/", {
        method: "POST",
        headers: { [CHANGE_HEADER]: "1", "x-partykit-room": place.name },
      });
      if (response?.ok) return;
      await this.enrol(place, false);
    } catch (failure) {
      log("warn", "session_not_told", { binding: place.binding, error: String(failure) });
    }
  }
}
