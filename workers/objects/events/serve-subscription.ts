import { openKeyring } from "../../../shared/auth/keyring.ts";
import { openSealedText } from "../../../shared/auth/seal-text.ts";
import { readWebhookSecret } from "../../../shared/auth/standard-webhook.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { meetingOf } from "../../../shared/guard/admit.ts";
import { describeCall } from "../../../shared/guard/describe-call.ts";
import { maskEvent, readEvents } from "../../../shared/guard/subscribers/read-events.ts";
import { readUnguarded } from "../../../shared/guard/subscribers/read-unguarded.ts";
import { writeStart } from "../../../shared/mcp/methods/events.ts";
import { accessOf } from "../../../shared/objects/admission-request.ts";
import { type Intent, type Outcome, principalGate } from "../../../shared/objects/principal-gate.ts";
import { log, logFailure } from "../../../shared/observe/log.ts";
import { traceIdOf } from "../../../shared/observe/trace.ts";
import { eventLimitsOf } from "../../../shared/policy/current.ts";
import { faultOfStatus, postToReceiver, type ReceiverFault } from "../../../shared/upstream/post-receiver.ts";
import type { Delivery, DeliveryQueue } from "./delivery-queue.ts";
import { describeEnd, type EndReason, type Standing, standingOf } from "./standing.ts";
import type { Subscription, SubscriptionStore } from "./subscription-store.ts";
import { nameMessage, sealEnvelope } from "./verify-receiver.ts";

/** Most deliveries that wait per subscription: what happens after them stays with its server. */
export const MOST_WAITING = 100;

/** Most occurrences of one look, and deliveries that are sent together. The platform opens six connections at once. */
const [LOOK_SIZE, BATCH] = [50, 5];

/** Milliseconds until the next look after one that failed. */
const LOOK_AGAIN_MS = 30_000;

/** Most bytes of a body (SEP-3415, «Delivery profile»). */
const MOST_BYTES = 256 * 1024;

/** Statuses after which a delivery is not tried again. */
const FINAL: ReadonlySet<number> = new Set([410, 413]);

/** How often rights may change while one batch is decided. */
const DECISIONS = 3;

/** What serving a subscription needs of its object. */
export interface EventHost {
  env: Env;
  store: SubscriptionStore;
  queue: DeliveryQueue;
  /** Ends a subscription, and lets its receiver know. */
  end(subscription: Subscription, reason: EndReason): Promise<void>;
  /** No delivery within these milliseconds: the limit of the person is reached. */
  throttle(ms: number): void;
}

/** Reads what happened since the last look and puts it into the queue. */
export async function lookForEvents(host: EventHost, subscription: Subscription): Promise<void> {
  const { env, store, queue } = host;
  const { id, position: after } = subscription;
  try {
    const standing = await standingOf(env, subscription);
    if (standing.state === "ended") return await host.end(subscription, standing.reason);
    if (standing.state === "unknown") return store.lookAgain(id, Date.now() + LOOK_AGAIN_MS);
    const { reader, entry } = standing;
    const limit = Math.min(LOOK_SIZE, MOST_WAITING - queue.count(id));
    const maxAgeMs = Math.max(0, Date.now() - subscription.floorAt);
    const request = { arguments: subscription.arguments, after, limit, maxAgeMs };
    const read = await readUnguarded({ env, ...reader }, entry, (context) =>
      readEvents(reader, entry.definition, request, context),
    );
    // Ended or renewed as another one meanwhile.
    const now = Date.now();
    const current = store.read(id);
    if (current === null || current.ended || current.position !== after) return;
    if (read.truncated) addGap(host, id, after, read.start, now);
    let before = read.start;
    for (const { id: messageId, at, data, position } of read.events) {
      queue.add(id, { messageId, kind: "event", at, data, before, position }, now);
      before = position;
    }
    store.look(id, read.position, read.more ? now : now + subscription.everyMs);
  } catch (failure) {
    logFailure("events_not_read", failure, { name: subscription.name });
    store.lookAgain(id, Date.now() + LOOK_AGAIN_MS);
  }
}

/** Sends the deliveries of a subscription that are due, a few at once. */
export async function sendDue(host: EventHost, subscription: Subscription): Promise<void> {
  const { queue, store } = host;
  const { id } = subscription;
  // A receiver that fails is asked with one message at a time, so that it does not hold the others back.
  const due = queue.due(id, Date.now(), subscription.failures > 0 ? 1 : BATCH);
  if (subscription.ended) {
    for (const delivery of due) await attempt(host, subscription, delivery, delivery.data);
    if (queue.count(id) === 0) store.remove(id);
    return;
  }
  const standing = await standingOf(host.env, subscription);
  await sendAllowed(host, subscription, due, standing, DECISIONS);
}

/** Sends what is allowed by these rights, once the person's object has confirmed them and knows of each delivery. */
async function sendAllowed(
  host: EventHost,
  subscription: Subscription,
  due: readonly Delivery[],
  standing: Standing,
  decisions: number,
): Promise<void> {
  const { env, queue } = host;
  const { identity } = subscription;
  if (standing.state === "ended") return await host.end(subscription, standing.reason);
  if (standing.state === "unknown" || decisions === 0) return host.throttle(LOOK_AGAIN_MS);
  const { reader, entry, decision, known } = standing;
  const now = Date.now();
  const { deliveriesPerMinute } = eventLimitsOf(reader.policy, reader.identity.role);
  const batch = due.slice(0, queue.take(due.length, deliveriesPerMinute, now));
  if (batch.length === 0) return host.throttle(queue.untilFree(now));
  const traceId = traceIdOf(new Headers());
  const origin = { ...reader, traceId, sessionId: subscription.id, lane: "webhook" as const };
  const intents = batch.map((): Intent => {
    const details = describeCall(origin, entry.subject, subscription.arguments, decision);
    return { ...details, userId: identity.userId };
  });
  const gate = principalGate(env, identity.userId);
  const admission = await gate.admitDeliveries(
    accessOf(identity),
    known,
    intents,
    meetingOf(reader, entry.subject.reads),
  );
  switch (admission.state) {
    case "changed": {
      const changed = await standingOf(env, subscription, admission.rights);
      return await sendAllowed(host, subscription, due, changed, decisions - 1);
    }
    case "ended":
      return await host.end(subscription, "access_revoked");
    case "unknown":
      return host.throttle(LOOK_AGAIN_MS);
  }
  const outcomes = await Promise.all(
    batch.map(async (delivery, index): Promise<Outcome> => {
      const data = delivery.kind === "event" ? maskEvent(entry.definition, delivery.data, reader) : {};
      const { fault, bytes } = await attempt(host, subscription, delivery, data);
      const durationMs = Date.now() - now;
      return { callId: intents[index]?.callId ?? "", status: fault ?? "ok", durationMs, bytes };
    }),
  );
  await gate
    .settle(outcomes)
    .catch((failure: unknown) => log("warn", "settle_failed", { error: String(failure) }));
}

/** One attempt to deliver. Afterwards the delivery is gone or has its next time. */
async function attempt(
  host: EventHost,
  subscription: Subscription,
  delivery: Delivery,
  data: { [name: string]: JsonValue },
): Promise<{ fault: ReceiverFault | null; bytes: number }> {
  const { env, store, queue } = host;
  const { id, url } = subscription;
  const body = await writeBody(host, subscription, delivery, data);
  const bytes = new TextEncoder().encode(body).length;
  const envelope = {
    secrets: await openSecrets(env, subscription),
    subscriptionId: id,
    messageId: delivery.messageId,
  };
  const answer =
    bytes > MOST_BYTES
      ? { status: 413, text: "" }
      : await postToReceiver(env, url, await sealEnvelope(envelope, body, Date.now()));
  const now = Date.now();
  const status = "status" in answer ? answer.status : null;
  const taken = status !== null && status >= 200 && status <= 299;
  const fault = taken ? null : "fault" in answer ? answer.fault : faultOfStatus(answer.status);
  if (taken || (status !== null && FINAL.has(status))) {
    if (taken) store.note(id, null, now);
    queue.remove(delivery.n);
    return { fault, bytes };
  }
  store.note(id, fault, now);
  if (queue.retry(delivery, now)) return { fault, bytes };
  queue.remove(delivery.n);
  if (delivery.kind === "event") addGap(host, id, delivery.before, delivery.position, now);
  return { fault, bytes };
}

/** Tells the receiver that occurrences are missing. */
function addGap({ queue }: EventHost, id: string, before: string, position: string, now: number): void {
  const at = new Date(now).toISOString();
  queue.add(id, { messageId: nameMessage("gap"), kind: "gap", at, data: {}, before, position }, now);
}

/** Tells the receiver that its subscription ended, and nothing else from then on. */
export function addEnd(
  { queue }: Pick<EventHost, "queue">,
  id: string,
  reason: EndReason,
  now: number,
): void {
  const data = { error: describeEnd(reason) };
  const at = new Date(now).toISOString();
  const messageId = nameMessage("terminated");
  queue.add(id, { messageId, kind: "terminated", at, data, before: "", position: "" }, now);
}

async function writeBody(
  host: EventHost,
  subscription: Subscription,
  { n, kind, messageId, at, position }: Delivery,
  data: { [name: string]: JsonValue },
): Promise<string> {
  const { server, clientId, name, identity, id } = subscription;
  if (kind === "terminated") return JSON.stringify({ type: kind, ...data });
  const oldest = host.queue.oldest(id);
  // Safe to store: everything before it was taken or given up.
  const safe = oldest === null || oldest.n === n ? position : oldest.before;
  const owner = {
    env: host.env,
    catalogue: { name: server },
    identity: { userId: identity.userId, clientId },
  };
  const cursor = await writeStart(owner, name, safe);
  if (kind === "gap") return JSON.stringify({ type: kind, cursor });
  return JSON.stringify({ eventId: messageId, name, timestamp: at, data, cursor });
}

/** The secrets that sign: the one in force, and the one before for some minutes. */
async function openSecrets(env: Env, { id, secret, oldSecret, oldUntil }: Subscription) {
  const sealed = oldSecret !== null && oldUntil > Date.now() ? [secret, oldSecret] : [secret];
  const keyring = openKeyring(env, "CONNECTION_SECRETS_KEY");
  const opened = sealed.map(async (text) => await openSealedText(keyring, sealedFor(id), text));
  return (await Promise.all(opened)).flatMap((text) => readWebhookSecret(text ?? "") ?? []);
}

/** What the secret of a subscription is sealed for. The id names the person too. */
export function sealedFor(id: string): string[] {
  return ["event secret", id];
}
