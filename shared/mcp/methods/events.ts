import { z } from "zod";
import { readCursor, writeCursor } from "../../auth/cursor.ts";
import { readWebhookSecret } from "../../auth/standard-webhook.ts";
import { EVENT_FAULTS, JSON_RPC, ProtocolFault } from "../../call/protocol-fault.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { guardedRead } from "../../guard/guarded-read.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import { readEvents } from "../../guard/subscribers/read-events.ts";
import { visible } from "../../guard/visible.ts";
import { type DeliveryStatus, eventGate, type SubscribeAnswer } from "../../objects/event-gate.ts";
import { eventLimitsOf } from "../../policy/current.ts";
import type { Entry, Listed } from "../../server/catalogue.ts";
import type { EventDefinition } from "../../server/define-event.ts";
import { cutText } from "../../text/well-formed.ts";
import { findReceiverFault } from "../../upstream/post-receiver.ts";
import { paginate } from "./paging.ts";

/** Name of the extension in the capabilities of both sides (SEP-3415). */
export const EVENTS_EXTENSION = "io.modelcontextprotocol/events";

/** Occurrences of one poll, unless the client asks for fewer. */
const POLLED = 50;

/** Milliseconds until a client should poll again. */
const NEXT_POLL_MS = 30_000;

/** Milliseconds between two looks at an event without an announcement. */
export const LOOK_MS = 5 * 60_000;

/** How every event is delivered. */
const DELIVERY = ["webhook", "push", "poll"];

/** Refusals of the guard that mean that the reader may not have the event. */
const REFUSED: ReadonlySet<unknown> = new Set(["forbidden", "mfa_required", "insufficient_scope"]);

/** An event of a request, with its arguments. */
export interface NamedEvent {
  name: string;
  arguments?: Record<string, unknown>;
}

/** Where a client wants deliveries. */
export interface EventReceiver {
  mode?: unknown;
  url: string;
  secret?: string;
}

/** Where a reading begins: the parameters that poll, stream and subscription share. */
export interface EventStart {
  cursor?: string;
  maxAgeMs?: number;
}

/** `events/list`: events that this principal may subscribe to now or after a step-up. */
export async function listEvents(
  ctx: RequestContext,
  cursor?: string,
): Promise<{ events: Listed[]; nextCursor?: string }> {
  const { catalogue, identity, policy } = ctx;
  const entries = visible(policy, identity, catalogue.events.values());
  const { page, ...next } = await paginate(ctx, "events", entries, cursor);
  return { events: page.map(({ listed }) => ({ ...listed, delivery: DELIVERY })), ...next };
}

/** `events/poll`: what happened after the cursor, through the guard like every read. */
export async function pollEvents(
  ctx: RequestContext,
  { name, arguments: args, cursor, maxAgeMs, maxEvents }: NamedEvent & EventStart & { maxEvents?: number },
): Promise<object> {
  const entry = findEvent(ctx, name);
  const limit = Math.min(maxEvents ?? POLLED, POLLED);
  const start = await readStart(ctx, name, cursor);
  const { result: read } = await readGuarded(ctx, entry, args, { ...start, limit, maxAgeMs });
  return {
    events: read.events.map(({ id, at, data }) => ({ eventId: id, name, timestamp: at, data })),
    cursor: await writeStart(ctx, name, read.position),
    truncated: start.truncated || read.truncated === true,
    hasMore: read.more,
    nextPollMs: NEXT_POLL_MS,
  };
}

/** `events/subscribe`: deliveries to a receiver of the client, which is verified first. */
export async function subscribeEvent(
  ctx: RequestContext,
  params: NamedEvent & EventStart & { delivery: EventReceiver; ttlMs?: number },
): Promise<object> {
  const { name, arguments: args = {}, delivery, cursor, maxAgeMs, ttlMs } = params;
  const entry = findEvent(ctx, name);
  const { url, secret = "" } = delivery;
  if (delivery.mode !== "webhook") {
    const data = { feature: "deliveryMode", value: cutText(String(delivery.mode), 32) };
    throw new ProtocolFault(EVENT_FAULTS.unsupported, "events/subscribe is for webhook delivery.", data);
  }
  const fault = findReceiverFault(ctx.env, url);
  if (fault !== null) throw invalidParams(`Nothing is delivered to this address: ${fault}.`);
  if (readWebhookSecret(secret) === null)
    throw invalidParams("delivery.secret must be whsec_ and the base64 of 24 to 64 random bytes.");
  const start = await readStart(ctx, name, cursor);
  // Also for a renewal: the policy decides again, and says no in the client's own request.
  const { result: read, ctx: admitted } = await readGuarded(ctx, entry, args, {
    ...start,
    limit: 1,
    maxAgeMs,
  });
  const { env, identity, policy, catalogue } = admitted;
  const answer = await eventGate(env, identity.userId).subscribe({
    ...{ identity, clientId: identity.clientId, server: catalogue.name, url, name, secret },
    arguments: args as Record<string, JsonValue>,
    position: start.after ?? read.position,
    maxAgeMs: start.after === null ? null : (maxAgeMs ?? null),
    ttlMs: ttlMs ?? null,
    topics: [entry.subject.server],
    everyMs: entry.definition.everyMs ?? LOOK_MS,
    limit: eventLimitsOf(policy, identity.role).subscriptions,
  });
  const { id, until, position, status } = requireSubscribed(answer);
  return {
    id,
    refreshBefore: new Date(until).toISOString(),
    cursor: await writeStart(ctx, name, position),
    truncated: status === null && (start.truncated || read.truncated),
    ...(status !== null && { deliveryStatus: describeStatus(status) }),
  };
}

/** `events/unsubscribe`. Ends the app's own subscription, also one that it may no longer have. */
export async function unsubscribeEvent(
  { env, identity, catalogue }: RequestContext,
  { name, arguments: args = {}, delivery }: NamedEvent & { delivery: Pick<EventReceiver, "url"> },
): Promise<object> {
  const { userId, clientId } = identity;
  const key = { clientId, server: catalogue.name, url: delivery.url, name };
  const known = await eventGate(env, userId).unsubscribe(userId, {
    ...key,
    arguments: args as Record<string, JsonValue>,
  });
  if (known) return {};
  throw new ProtocolFault(EVENT_FAULTS.notFound, "There is no such subscription.", { kind: "subscription" });
}

function requireSubscribed(answer: SubscribeAnswer) {
  switch (answer.state) {
    case "subscribed":
      return answer.subscribed;
    case "exhausted": {
      const { limit, max } = answer;
      const text = limit === "subscriptions" ? "has too many subscriptions" : "verifies too many receivers";
      throw new ProtocolFault(EVENT_FAULTS.exhausted, `This person ${text}.`, { limit, max });
    }
    case "unreachable":
      throw new ProtocolFault(
        EVENT_FAULTS.callback,
        "The receiver did not confirm that it wants deliveries.",
        {
          reason: answer.fault,
        },
      );
  }
}

function describeStatus({ active, lastDeliveryAt, lastError, failedSince, retryAfterMs }: DeliveryStatus) {
  const toIso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  return {
    active,
    lastDeliveryAt: toIso(lastDeliveryAt),
    lastError,
    ...(failedSince !== null && { failedSince: toIso(failedSince) }),
    ...(retryAfterMs > 0 && { throttled: true, retryAfterMs }),
  };
}

/** The entry of an event. Throws `NotFound`. */
export function findEvent({ catalogue }: RequestContext, name: string): Entry<EventDefinition> {
  const entry = catalogue.events.get(name);
  if (entry) return entry;
  throw new ProtocolFault(EVENT_FAULTS.notFound, `Unknown event: ${cutText(name, 64)}`, { kind: "event" });
}

/**
 * Reads an event through the guard: decided, admitted, counted and recorded. Throws `Forbidden` where the policy
 * refuses, and the fault of any other read.
 */
export async function readGuarded(
  ctx: RequestContext,
  entry: Entry<EventDefinition>,
  args: Record<string, unknown> = {},
  { after, limit, maxAgeMs }: { after: string | null; limit: number; maxAgeMs?: number | undefined },
) {
  const request = { arguments: args, after, limit, maxAgeMs };
  return await guardedRead(
    ctx,
    entry,
    args,
    (context, admitted) => readEvents(admitted, entry.definition, request, context),
    (read) => read,
    true,
  ).catch((fault: unknown) => {
    throw refuse(fault);
  });
}

/** A refusal of the policy as the extension names it; any other failure unchanged. */
function refuse(fault: unknown): unknown {
  if (!(fault instanceof ProtocolFault)) return fault;
  const { error } = (fault.data ?? {}) as { error?: { code?: unknown } };
  if (!REFUSED.has(error?.code)) return fault;
  return new ProtocolFault(EVENT_FAULTS.forbidden, fault.message, { reason: "not_allowed" });
}

/**
 * The place of a cursor. One that was issued to another reader or for another event, or under a key that is gone,
 * begins at now, and the client learns that something may be missing.
 */
export async function readStart(
  ctx: RequestContext,
  name: string,
  cursor: string | undefined,
): Promise<{ after: string | null; truncated: boolean }> {
  if (cursor === undefined) return { after: null, truncated: false };
  const after = await readCursor(ctx.env, boundTo(ctx, name), z.string(), cursor);
  return { after, truncated: after === null };
}

/** The cursor of a place, for this reader and event. */
export function writeStart(ctx: EventOwner, name: string, position: string): Promise<string> {
  return writeCursor(ctx.env, boundTo(ctx, name), position);
}

/** What a cursor belongs to. */
type EventOwner = Pick<RequestContext, "env"> & {
  catalogue: Pick<RequestContext["catalogue"], "name">;
  identity: Pick<RequestContext["identity"], "userId" | "clientId">;
};

function boundTo({ catalogue, identity }: EventOwner, name: string): string[] {
  return [catalogue.name, `events:${name}`, identity.userId, identity.clientId];
}

function invalidParams(message: string): ProtocolFault {
  return new ProtocolFault(JSON_RPC.invalidParams, message);
}
