import { DurableObject } from "cloudflare:workers";
import type { SubscriptionEvent } from "../../../shared/audit/record.ts";
import { openKeyring } from "../../../shared/auth/keyring.ts";
import { openSealedText, sealText } from "../../../shared/auth/seal-text.ts";
import { readWebhookSecret } from "../../../shared/auth/standard-webhook.ts";
import { canonicalize, digestText } from "../../../shared/encoding/canonical-json.ts";
import { SlidingLog } from "../../../shared/guard/sliding-log.ts";
import { personGate, RIGHTS } from "../../../shared/objects/change-gate.ts";
import type {
  EventGate,
  NewSubscription,
  SubscribeAnswer,
  SubscriptionKey,
  SubscriptionSummary,
} from "../../../shared/objects/event-gate.ts";
import { ObjectAlarm } from "../../../shared/objects/object-alarm.ts";
import { noteSubscriptions } from "../../../shared/objects/open-work.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import { toolGate } from "../../../shared/objects/tool-rate-limit.ts";
import { log, logFailure } from "../../../shared/observe/log.ts";
import { DeliveryQueue } from "./delivery-queue.ts";
import {
  addEnd,
  type EventHost,
  lookForEvents,
  MOST_WAITING,
  sealedFor,
  sendDue,
} from "./serve-subscription.ts";
import type { EndReason } from "./standing.ts";
import { type Subscription, SubscriptionStore, statusOf } from "./subscription-store.ts";
import { verifyReceiver } from "./verify-receiver.ts";

/** Shortest and longest life of a subscription without a renewal, in milliseconds. */
const [LEAST_TTL_MS, MOST_TTL_MS] = [60_000, 24 * 60 * 60_000];

/** Milliseconds for which a verified receiver counts as one. */
const VERIFIED_MS = 24 * 60 * 60_000;

/** Verifications within a minute: of one person's apps, and of one host for everyone. */
const VERIFICATIONS = { person: 10, host: 120 };

/** Milliseconds for which a replaced secret signs too. */
const OLD_SECRET_MS = 10 * 60_000;

/** Milliseconds that one alarm works, subscriptions that it serves at once, and how often it serves one. */
const [SHIFT_MS, LANES, SHIFT_ROUNDS] = [25_000, 6, 200];

/** Milliseconds until a subscription is served again after a failure of Gatehouse itself. */
const AGAIN_MS = 30_000;

/** Milliseconds until the next alarm while one works: the object may be stopped. */
const WATCHDOG_MS = 60_000;

/**
 * One object per person: holds their apps' subscriptions to events, reads what happened with the person's rights of
 * that moment, and delivers it, driven by its alarm. Announcements of changes wake it, and it looks by itself from
 * time to time.
 */
export class EventDeliveries extends DurableObject<Env> implements EventGate {
  readonly #store: SubscriptionStore;
  readonly #queue: DeliveryQueue;
  readonly #alarm: ObjectAlarm;
  readonly #verifications = new SlidingLog();
  #shift: Promise<void> | undefined;
  #throttledUntil = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new SubscriptionStore(ctx.storage.sql);
    this.#queue = new DeliveryQueue(ctx.storage.sql);
    this.#alarm = new ObjectAlarm(ctx.storage, "EventDeliveries");
  }

  async subscribe(request: NewSubscription): Promise<SubscribeAnswer> {
    const { clientId, url, limit } = request;
    const id = nameSubscription(request.identity.userId, request);
    if (this.#isFull(id, limit)) return { state: "exhausted", limit: "subscriptions", max: limit };
    if (!this.#store.isVerified(clientId, url, Date.now() - VERIFIED_MS)) {
      const refused = await this.#verify(id, request);
      if (refused !== null) return refused;
      this.#store.noteVerified(clientId, url, Date.now());
    }
    await this.#enrol(request);
    // Another subscription may have taken the last place meanwhile.
    if (this.#isFull(id, limit)) return { state: "exhausted", limit: "subscriptions", max: limit };
    const existing = this.#inForce(id);
    if (existing) await this.#renew(existing, request);
    else await this.#begin(id, request);
    await this.#note(request.identity.userId);
    await this.#wake();
    const subscription = this.#store.read(id);
    if (subscription === null) throw new Error("The subscription ended while it began.");
    const position = this.#queue.oldest(id)?.before ?? subscription.position;
    const status = existing ? statusOf(existing, this.#throttledFor()) : null;
    return { state: "subscribed", subscribed: { id, until: subscription.until, position, status } };
  }

  async unsubscribe(userId: string, key: SubscriptionKey): Promise<boolean> {
    return await this.end(nameSubscription(userId, key));
  }

  async end(id: string, reason: "unsubscribed" | "ended_on_page" = "unsubscribed"): Promise<boolean> {
    const subscription = this.#inForce(id);
    if (subscription === null) return false;
    this.#remove(id);
    await this.#record(subscription, "ended", reason);
    return true;
  }

  async list(): Promise<SubscriptionSummary[]> {
    return this.#store.list().map((one) => ({
      ...{ id: one.id, clientId: one.clientId, server: one.server, name: one.name },
      ...{ host: new URL(one.url).host, since: one.createdAt, until: one.until },
      waiting: this.#queue.count(one.id),
      status: statusOf(one, this.#throttledFor()),
    }));
  }

  async eraseKept(): Promise<number> {
    this.#queue.erase();
    return this.#store.erase();
  }

  /** Something changed: data of a server, or rights. Without a subscription the hub forgets this object. */
  override async fetch(): Promise<Response> {
    if (this.#store.lookAll(Date.now()) === 0) return new Response(null, { status: 404 });
    await this.#wake();
    return new Response(null, { status: 200 });
  }

  /** One at a time: two would send the same delivery twice. */
  override async alarm(): Promise<void> {
    this.#shift ??= this.#alarm
      .run(() => this.#work())
      .finally(() => {
        this.#shift = undefined;
      });
    await this.#shift;
  }

  async #work(): Promise<void> {
    // Set first, so that the work continues if the object is stopped in the middle of it.
    await this.#alarm.set(Date.now() + WATCHDOG_MS);
    await this.#serveDue(Date.now() + SHIFT_MS);
    this.#store.forgetReceivers(Date.now() - VERIFIED_MS);
    await this.#alarm.set(this.#nextMoment());
  }

  /** Each subscription is served by itself: a receiver that is slow holds no other one back. */
  async #serveDue(until: number): Promise<void> {
    const running = new Map<string, Promise<void>>();
    for (let rounds = 0; rounds < SHIFT_ROUNDS && Date.now() < until; ) {
      for (const subscription of this.#all()) {
        const { id } = subscription;
        if (running.size >= LANES || running.has(id) || this.#dueAt(subscription) > Date.now()) continue;
        rounds += 1;
        running.set(
          id,
          this.#serve(subscription).finally(() => running.delete(id)),
        );
      }
      if (running.size === 0) return;
      await Promise.race(running.values());
    }
    await Promise.all(running.values());
  }

  async #serve(subscription: Subscription): Promise<void> {
    try {
      await this.#serveOne(subscription);
    } catch (failure) {
      logFailure("events_not_served", failure, { name: subscription.name });
      this.#store.lookAgain(subscription.id, Date.now() + AGAIN_MS);
      this.#queue.postpone(subscription.id, Date.now() + AGAIN_MS);
    }
  }

  async #serveOne(subscription: Subscription): Promise<void> {
    const { id, until, lookAt, ended } = subscription;
    const now = Date.now();
    if (!ended && until <= now) {
      this.#remove(id);
      return await this.#record(subscription, "ended", "expired");
    }
    const hasRoom = this.#queue.count(id) < MOST_WAITING;
    if (!ended && lookAt <= now && hasRoom) await lookForEvents(this.#host, subscription);
    const current = this.#store.read(id);
    if (current && this.#queue.due(id, Date.now(), 1).length > 0) await sendDue(this.#host, current);
  }

  /** When a subscription has to be served, in milliseconds since the epoch. */
  #dueAt({ id, ended, until, lookAt, suspended }: Subscription): number {
    const delivery = this.#queue.nextOf(id) ?? Number.POSITIVE_INFINITY;
    if (ended) return delivery;
    if (suspended) return until;
    const look = this.#queue.count(id) < MOST_WAITING ? lookAt : Number.POSITIVE_INFINITY;
    return Math.min(until, look, Math.max(delivery, this.#throttledUntil));
  }

  #nextMoment(): number | null {
    const moments = this.#all().map((subscription) => this.#dueAt(subscription));
    const next = Math.min(...moments);
    return Number.isFinite(next) ? next : null;
  }

  #all(): Subscription[] {
    return this.#store.listAll();
  }

  #inForce(id: string): Subscription | null {
    const subscription = this.#store.read(id);
    return subscription && !subscription.ended && subscription.until > Date.now() ? subscription : null;
  }

  #isFull(id: string, limit: number): boolean {
    return this.#inForce(id) === null && this.#store.count() >= limit;
  }

  #throttledFor(): number {
    return Math.max(0, this.#throttledUntil - Date.now());
  }

  async #verify(id: string, { url, secret }: NewSubscription): Promise<SubscribeAnswer | null> {
    const exhausted = (max: number) => ({ state: "exhausted", limit: "verifications", max }) as const;
    if (this.#verifications.waitFor(VERIFICATIONS.person, Date.now()) > 0)
      return exhausted(VERIFICATIONS.person);
    this.#verifications.add(Date.now());
    // The same counter as that of tools, whose names have no colon.
    const wait = await toolGate(this.env, `receiver:${new URL(url).host}`).take(VERIFICATIONS.host);
    if (wait > 0) return exhausted(VERIFICATIONS.host);
    const key = readWebhookSecret(secret);
    const fault = key === null ? "challenge_failed" : await verifyReceiver(this.env, url, key, id);
    return fault === null ? null : { state: "unreachable", fault };
  }

  /** The hubs of the topics wake this object, for a day: no subscription lasts longer without a renewal. */
  async #enrol({ identity: { userId }, topics }: NewSubscription): Promise<void> {
    const place = { binding: "EVENT_DELIVERIES", name: userId };
    const enrolled = [...topics, RIGHTS].map((topic) =>
      personGate(this.env, topic, userId).subscribe(place, { userId, pace: "soon" }),
    );
    await Promise.all(enrolled);
  }

  async #begin(id: string, request: NewSubscription): Promise<void> {
    const { clientId, server, url, name, identity, position, maxAgeMs, everyMs } = request;
    const secret = await this.#seal(id, request.secret);
    const now = Date.now();
    // One that ended may still be telling its receiver so.
    this.#remove(id);
    this.#store.add({
      ...{ id, clientId, server, url, name, identity, position, everyMs, secret },
      arguments: request.arguments,
      ...{ oldSecret: null, oldUntil: 0, createdAt: now, lookAt: now },
      floorAt: maxAgeMs === null ? 0 : now - maxAgeMs,
      until: now + grantTtl(request.ttlMs),
    });
    await this.#record({ ...request, id }, "begun", null);
  }

  async #renew(existing: Subscription, request: NewSubscription): Promise<void> {
    const { id } = existing;
    const keyring = openKeyring(this.env, "CONNECTION_SECRETS_KEY");
    const isSame = (await openSealedText(keyring, sealedFor(id), existing.secret)) === request.secret;
    const secret = await this.#seal(id, request.secret);
    const now = Date.now();
    const old = isSame
      ? { oldSecret: existing.oldSecret, oldUntil: existing.oldUntil }
      : { oldSecret: existing.secret, oldUntil: now + OLD_SECRET_MS };
    const until = now + grantTtl(request.ttlMs);
    const { identity, everyMs } = request;
    this.#store.renew(id, { identity, secret, ...old, everyMs, until }, now);
    if (existing.suspended) this.#queue.resume(id, now);
  }

  #seal(id: string, secret: string): Promise<string> {
    return sealText(openKeyring(this.env, "CONNECTION_SECRETS_KEY"), sealedFor(id), secret);
  }

  #remove(id: string): void {
    this.#queue.drop(id);
    this.#store.remove(id);
  }

  get #host(): EventHost {
    return {
      ...{ env: this.env, store: this.#store, queue: this.#queue },
      throttle: (ms) => {
        this.#throttledUntil = Date.now() + Math.max(ms, 100);
      },
      end: async (subscription: Subscription, reason: EndReason) => {
        if (this.#inForce(subscription.id) === null) return;
        this.#queue.drop(subscription.id);
        this.#store.markEnded(subscription.id);
        addEnd({ queue: this.#queue }, subscription.id, reason, Date.now());
        await this.#record(subscription, "ended", reason);
      },
    };
  }

  /** Into the person's chain. A record that is lost is an error in the log: deliveries do not wait for it. */
  async #record(
    {
      id,
      clientId,
      server,
      name,
      url,
      identity,
    }: Pick<Subscription, "id" | "identity" | keyof SubscriptionKey>,
    change: SubscriptionEvent["change"],
    reason: SubscriptionEvent["reason"],
  ): Promise<void> {
    const { userId } = identity;
    if (change === "ended") await this.#note(userId);
    const about = { subscriptionId: id, clientId, server, name, host: new URL(url).host };
    await principalGate(this.env, userId)
      .record(userId, { type: "event_subscription", change, ...about, reason })
      .catch((failure: unknown) => log("error", "subscription_not_recorded", { error: String(failure) }));
  }

  /** For the console. A note that fails is written with the next one, or the row ends with the subscription's time. */
  async #note(userId: string): Promise<void> {
    const now = Date.now();
    const open = this.#store
      .list()
      .flatMap(({ id, clientId, server, name, url, createdAt, until, ended }) =>
        ended || until <= now
          ? []
          : [{ id, clientId, server, name, host: new URL(url).host, begunAt: createdAt, until }],
      );
    await noteSubscriptions(this.env.PLATFORM_DB, userId, open);
  }

  async #wake(): Promise<void> {
    if (this.#shift === undefined) await this.#alarm.set(Date.now());
  }
}

/** The id of a subscription: the same for the same parts, whenever it begins. A handle, and no right to anything. */
function nameSubscription(userId: string, key: SubscriptionKey): string {
  const { clientId, server, url, name } = key;
  return `sub_${digestText(canonicalize([userId, clientId, server, url, name, key.arguments])).slice(0, 32)}`;
}

function grantTtl(asked: number | null): number {
  return Math.min(Math.max(asked ?? MOST_TTL_MS, LEAST_TTL_MS), MOST_TTL_MS);
}
