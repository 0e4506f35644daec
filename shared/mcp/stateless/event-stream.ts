import { SUBSCRIPTION_ID_META_KEY } from "@modelcontextprotocol/server";
import { EVENT_FAULTS, ProtocolFault } from "../../call/protocol-fault.ts";
import { meetingOf } from "../../guard/admit.ts";
import { decide } from "../../guard/decide.ts";
import { describeCall } from "../../guard/describe-call.ts";
import { noteOrigins } from "../../guard/flow/note-origins.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import { type ReadEvents, readEvents } from "../../guard/subscribers/read-events.ts";
import { readUnguarded } from "../../guard/subscribers/read-unguarded.ts";
import { accessOf } from "../../objects/admission-request.ts";
import { RIGHTS } from "../../objects/change-gate.ts";
import { delayAfter } from "../../objects/object-alarm.ts";
import { principalGate } from "../../objects/principal-gate.ts";
import { logFailure } from "../../observe/log.ts";
import {
  type EventStart,
  findEvent,
  LOOK_MS,
  type NamedEvent,
  readGuarded,
  readStart,
  writeStart,
} from "../methods/events.ts";
import { listenForChanges } from "../subscriptions/changes.ts";
import { isSpent } from "../subscriptions/spent.ts";
import { refreshSubscriber } from "../subscriptions/subscriber.ts";

/** Most occurrences of one reading. */
const READ_SIZE = 50;

/** Milliseconds between two heartbeats (SEP-3415: at most 30 seconds). They ask no object and no database. */
const HEARTBEAT_MS = 25_000;

/** What a stream writes to. */
export interface StreamWire {
  /** Id of the request, which names the stream in every notification. */
  id: string | number;
  /** When the token ends, in Unix seconds. */
  expiresAt: number | undefined;
  notify(message: object): void;
}

/**
 * `events/stream`: what happens, as long as the client stays. The first reading passes the guard; each further one is
 * decided with the rights of its moment, and what it delivers is in the trail before it is sent.
 */
export async function streamEvents(
  ctx: RequestContext,
  params: NamedEvent & EventStart,
  wire: StreamWire,
): Promise<object> {
  const { name, arguments: args, cursor, maxAgeMs } = params;
  const entry = findEvent(ctx, name);
  const start = await readStart(ctx, name, cursor);
  const { result: first, ctx: admitted } = await readGuarded(ctx, entry, args, {
    ...start,
    limit: READ_SIZE,
    maxAgeMs,
  });
  const stream = new EventStream(admitted, params, wire);
  await stream.run(entry.subject.server, first, start.truncated || first.truncated);
  return { _meta: { [SUBSCRIPTION_ID_META_KEY]: wire.id } };
}

class EventStream {
  readonly #ctx: RequestContext;
  readonly #params: NamedEvent & EventStart;
  readonly #wire: StreamWire;
  #position = "";
  #publication = 0;
  #ended = false;
  #changed = false;
  /** Looks in a row that failed. */
  #failures = 0;
  #again: ReturnType<typeof setTimeout> | undefined;
  #nudge = Promise.withResolvers<void>();

  constructor(ctx: RequestContext, params: NamedEvent & EventStart, wire: StreamWire) {
    this.#ctx = ctx;
    this.#params = params;
    this.#wire = wire;
  }

  async run(topic: string, first: ReadEvents, truncated: boolean): Promise<void> {
    const { env, identity, signal } = this.#ctx;
    const closers: (() => void)[] = [];
    const end = () => this.#end();
    signal.addEventListener("abort", end, { once: true });
    const heartbeat = setInterval(() => this.#nudge.resolve(), HEARTBEAT_MS);
    // What happens without a write of its server, or after the token has ended, is announced by no object.
    const { everyMs = LOOK_MS } = findEvent(this.#ctx, this.#params.name).definition;
    const timer = setInterval(() => this.#look(0), everyMs);
    const { expiresAt } = this.#wire;
    const over =
      expiresAt === undefined ? undefined : setTimeout(() => this.#look(0), expiresAt * 1_000 - Date.now());
    try {
      for (const one of [topic, RIGHTS]) {
        const close = await listenForChanges(
          env,
          one,
          { userId: identity.userId, pace: "soon" },
          { onChange: (publication) => this.#look(publication), onBroken: end },
        );
        if (close === null) {
          throw new ProtocolFault(EVENT_FAULTS.exhausted, "This person has too many open streams.", {
            limit: "streams",
          });
        }
        closers.push(close);
      }
      this.#position = first.start;
      await this.#activate(truncated);
      await this.#send(first);
      // What happened between the first reading and the first announcement.
      this.#look(0);
      while (!this.#ended) {
        await this.#nudge.promise;
        this.#nudge = Promise.withResolvers();
        await this.#lookUntilQuiet();
        if (!this.#ended) await this.#notify("heartbeat", { cursor: await this.#cursor() });
      }
    } finally {
      clearInterval(heartbeat);
      clearInterval(timer);
      clearTimeout(over);
      clearTimeout(this.#again);
      signal.removeEventListener("abort", end);
      for (const close of closers) close();
    }
  }

  #look(publication: number): void {
    this.#publication = Math.max(this.#publication, publication);
    this.#changed = true;
    this.#nudge.resolve();
  }

  #end(): void {
    this.#ended = true;
    this.#nudge.resolve();
  }

  async #lookUntilQuiet(): Promise<void> {
    while (this.#changed && !this.#ended) {
      this.#changed = false;
      try {
        await this.#lookOnce();
        this.#failures = 0;
      } catch (failure) {
        logFailure("events_not_read", failure, { name: this.#params.name });
        // The invocation can send no further query: the client opens another stream with its cursor.
        if (isSpent(failure)) return this.#end();
        // A change is announced once: the stream looks again by itself, with a growing delay.
        this.#failures += 1;
        clearTimeout(this.#again);
        this.#again = setTimeout(() => this.#look(0), delayAfter(this.#failures));
      }
    }
  }

  async #lookOnce(): Promise<void> {
    const { env, catalogue, identity: before, traceId } = this.#ctx;
    const { expiresAt = Number.POSITIVE_INFINITY } = this.#wire;
    // Its scopes are valid no longer; the client comes back with another token.
    if (Date.now() >= expiresAt * 1_000) return this.#end();
    const subscriber = await refreshSubscriber({ env, catalogue, identity: before }, this.#publication);
    if (subscriber === null) return await this.#terminate("Access revoked");
    const { identity, policy } = subscriber;
    const { name, arguments: args = {} } = this.#params;
    const entry = subscriber.catalogue.events.get(name);
    if (!entry) return await this.#terminate("The event is gone", EVENT_FAULTS.notFound);
    const decision = decide(policy, identity, entry.subject, { args });
    if (decision.kind !== "allow") return await this.#terminate("No longer allowed by the policy");
    const request = { arguments: args, after: this.#position, limit: READ_SIZE };
    const reads = new Set(entry.subject.reads);
    const read = await readUnguarded({ env, identity, policy }, entry, (context) =>
      readEvents({ identity, policy }, entry.definition, request, noteOrigins(context, { reads })),
    );
    if (read.events.length > 0) {
      const origin = { identity, policy, traceId, sessionId: null, lane: "stateless" as const };
      const intent = {
        ...describeCall(origin, entry.subject, args, decision),
        userId: identity.userId,
      };
      const gate = principalGate(env, identity.userId);
      const known = { role: identity.role, publication: policy.publication };
      const { state } = await gate.admitDeliveries(
        accessOf(identity),
        known,
        [intent],
        meetingOf({ policy }, [...reads]),
      );
      if (state === "ended") return await this.#terminate("Access revoked");
      if (state === "changed") this.#changed = true;
      if (state !== "admitted") return;
      const startedAt = Date.now();
      const bytes = await this.#send(read);
      const outcome = { callId: intent.callId, status: "ok", durationMs: Date.now() - startedAt, bytes };
      this.#ctx.waitUntil(gate.settle([outcome]));
    }
    if (read.truncated) await this.#activate(true);
    this.#position = read.position;
    if (read.more) this.#changed = true;
  }

  /** Sends occurrences. Gives the size of their data, in characters. */
  async #send({ events, position }: ReadEvents): Promise<number> {
    let size = 0;
    for (const { id, at, data, position: after } of events) {
      this.#position = after;
      const cursor = await this.#cursor();
      size += JSON.stringify(data).length;
      await this.#notify("event", { eventId: id, name: this.#params.name, timestamp: at, data, cursor });
    }
    this.#position = position;
    return size;
  }

  async #activate(truncated: boolean): Promise<void> {
    await this.#notify("active", { cursor: await this.#cursor(), truncated });
  }

  async #terminate(reason: string, code: number = EVENT_FAULTS.forbidden): Promise<void> {
    const message = code === EVENT_FAULTS.notFound ? "NotFound" : "Forbidden";
    await this.#notify("terminated", { error: { code, message, data: { reason } } });
    this.#end();
  }

  async #notify(kind: string, params: object): Promise<void> {
    if (this.#ended) return;
    const _meta = { [SUBSCRIPTION_ID_META_KEY]: this.#wire.id };
    const method = `notifications/events/${kind}`;
    this.#wire.notify({ jsonrpc: "2.0", method, params: { ...params, _meta } });
  }

  #cursor(): Promise<string> {
    return writeStart(this.#ctx, this.#params.name, this.#position);
  }
}
