import { z } from "zod";
import { readCursor, writeCursor } from "../../auth/cursor.ts";
import { EVENT_FAULTS, ProtocolFault } from "../../call/protocol-fault.ts";
import { guardedRead } from "../../guard/guarded-read.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import { readEvents } from "../../guard/subscribers/read-events.ts";
import { visible } from "../../guard/visible.ts";
import type { Entry, Listed } from "../../server/catalogue.ts";
import type { EventDefinition } from "../../server/define-event.ts";
import { cutText } from "../../text/well-formed.ts";
import { paginate } from "./paging.ts";

/** Name of the extension in the capabilities of both sides (SEP-3415). */
export const EVENTS_EXTENSION = "io.modelcontextprotocol/events";

/** Occurrences of one poll, unless the client asks for fewer. */
const POLLED = 50;

/** Milliseconds until a client should poll again. */
const NEXT_POLL_MS = 30_000;

/** How every event is delivered. */
const DELIVERY = ["poll"];

/** Refusals of the guard that mean that the reader may not have the event. */
const REFUSED: ReadonlySet<unknown> = new Set(["forbidden", "mfa_required", "insufficient_scope"]);

/** An event of a request, with its arguments. */
export interface NamedEvent {
  name: string;
  arguments?: Record<string, unknown>;
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
  const read = await readGuarded(ctx, entry, args, { ...start, limit, maxAgeMs });
  return {
    events: read.events.map(({ id, at, data }) => ({ eventId: id, name, timestamp: at, data })),
    cursor: await writeStart(ctx, name, read.position),
    truncated: start.truncated || read.truncated === true,
    hasMore: read.more,
    nextPollMs: NEXT_POLL_MS,
  };
}

/** The entry of an event. Throws `NotFound`. */
function findEvent({ catalogue }: RequestContext, name: string): Entry<EventDefinition> {
  const entry = catalogue.events.get(name);
  if (entry) return entry;
  throw new ProtocolFault(EVENT_FAULTS.notFound, `Unknown event: ${cutText(name, 64)}`, { kind: "event" });
}

/**
 * Reads an event through the guard: decided, admitted, counted and recorded. Throws `Forbidden` where the policy
 * refuses, and the fault of any other read.
 */
async function readGuarded(
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
    (context) => readEvents(ctx, entry.definition, request, context),
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
async function readStart(
  ctx: RequestContext,
  name: string,
  cursor: string | undefined,
): Promise<{ after: string | null; truncated: boolean }> {
  if (cursor === undefined) return { after: null, truncated: false };
  const after = await readCursor(ctx.env, boundTo(ctx, name), z.string(), cursor);
  return { after, truncated: after === null };
}

/** The cursor of a place, for this reader and event. */
function writeStart(ctx: EventOwner, name: string, position: string): Promise<string> {
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
