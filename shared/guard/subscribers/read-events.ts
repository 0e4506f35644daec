import type { PrincipalIdentity } from "../../call/principal.ts";
import { digestText } from "../../encoding/canonical-json.ts";
import type { JsonValue } from "../../encoding/json.ts";
import type { Policy } from "../../policy/compile.ts";
import { roleMayHold } from "../../policy/current.ts";
import { masksOf } from "../../policy/masks.ts";
import { maskFields } from "../../redact/mask-fields.ts";
import type { CallContext } from "../../server/define.ts";
import type { EventContext, EventDefinition, EventPage } from "../../server/define-event.ts";
import { parseArguments } from "../../server/schema.ts";

/** Milliseconds for which an occurrence is delivered. A subscriber that is further behind learns that some are missing. */
const EVENT_AGE_MS = 3 * 24 * 60 * 60_000;

/** Most pages that one reading goes through while it leaves out occurrences that are too old. */
const MOST_PAGES = 20;

/** The data of an occurrence. */
export type EventData = Record<string, JsonValue>;

/** Who reads, and what decides on it. */
export interface EventReader {
  identity: PrincipalIdentity;
  policy: Policy;
}

/** What to read of an event. */
export interface EventRequest {
  /** As the client sent them. */
  arguments: unknown;
  /** A place of an earlier reading; `null` for the place of now. */
  after: string | null;
  /** Most occurrences. */
  limit: number;
  /** Milliseconds; older occurrences are left out. At most {@link EVENT_AGE_MS}. */
  maxAgeMs?: number | undefined;
}

/** What was read: the data is masked, and the ids name no record. */
export interface ReadEvents extends EventPage<EventData> {
  /** The place before the first occurrence. */
  start: string;
  truncated: boolean;
}

/**
 * Reads what happened, masked for the reader's role. The caller has asked the policy. Occurrences that are too old are
 * left out, and `truncated` says so. Throws `invalid_input` for arguments that the event does not take.
 */
export async function readEvents(
  { identity, policy }: EventReader,
  definition: EventDefinition,
  request: EventRequest,
  context: CallContext,
): Promise<ReadEvents> {
  const args = parseArguments(definition.input, request.arguments);
  const own: EventContext = { ...context, mayUse: (server) => mayUse(identity, policy, server) };
  const floor = context.now.getTime() - Math.min(request.maxAgeMs ?? EVENT_AGE_MS, EVENT_AGE_MS);
  const { limit } = request;
  let after = request.after;
  let truncated = false;
  for (let page = 1; ; page += 1) {
    const read = await definition.read({ arguments: args, after, limit }, own);
    const fresh = read.events.filter(({ at }) => Date.parse(at) >= floor);
    const old = read.events.filter(({ at }) => Date.parse(at) < floor);
    truncated ||= read.truncated === true || old.length > 0;
    const start = old.at(-1)?.position ?? after ?? read.position;
    after = read.position;
    if (fresh.length === 0 && read.more && page < MOST_PAGES) continue;
    const events = fresh.map(({ id, at, position, data }) => ({
      id: `evt_${digestText(`${definition.name} ${id}`).slice(0, 32)}`,
      ...{ at, position },
      data: maskEvent(definition, toJson(definition.payload.parse(data)), { identity, policy }),
    }));
    return { events, start: fresh.length === 0 ? after : start, position: after, more: read.more, truncated };
  }
}

/** Masks data for a role; also data that was masked for the role of an earlier moment. */
export function maskEvent(
  { payload }: EventDefinition,
  data: EventData,
  { policy, identity }: EventReader,
): EventData {
  return maskFields(payload, data, masksOf(policy, identity.role));
}

function mayUse({ role, scopes }: PrincipalIdentity, policy: Policy, server: string): boolean {
  return scopes.some((scope) => scope.startsWith(`${server}:`) && roleMayHold(policy, role, scope));
}

function toJson(value: unknown): EventData {
  return JSON.parse(JSON.stringify(value)) as EventData;
}
