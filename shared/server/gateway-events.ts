import { z } from "zod";
import type { PrincipalIdentity } from "../call/principal.ts";
import { approvalGate } from "../objects/approval-gate.ts";
import { taskGate } from "../objects/task.ts";
import { SESSION_SCOPE } from "../policy/decide.ts";
import { defineEvent, type EventContext, type EventDefinition } from "./define-event.ts";

/** What these events read: the app's own requests and tasks, and the state of connections. */
export interface GatewayStore {
  env: Env;
  principal: PrincipalIdentity;
  /** Path segment of the URL, or `""`. */
  url: string;
}

/** A place among what an object of the person holds: a time of that object, and the ids of that moment. */
const place = z.object({ at: z.int(), ids: z.array(z.string()) });

/** Something of the person's own object, with the time by its clock, which never goes back. */
interface Own<Data> {
  id: string;
  at: number;
  data: Data;
}

const approvalDecided = defineEvent({
  name: "gateway_approval_decided",
  title: "Approval decided",
  description: "A person approved or refused a call that this app asked for. Make the call again.",
  scope: SESSION_SCOPE,
  input: z.object({}),
  payload: z.object({
    approval_id: z.string(),
    server: z.string(),
    tool: z.string(),
    granted: z.boolean(),
    reason: z.string().nullable(),
  }),
  async read({ after, limit }, { store }: EventContext<GatewayStore>) {
    const { env, principal } = store;
    const since = after === null ? null : place.parse(JSON.parse(after));
    const decided = await approvalGate(env, principal.userId).listDecided(principal.clientId, since?.at ?? 0);
    return pageOfOwn(
      since,
      limit,
      decided.map(({ id, at, ...data }) => ({ id, at, data: { approval_id: id, ...data } })),
    );
  },
});

const workDone = defineEvent({
  name: "gateway_work_done",
  title: "Long work done",
  description: "A task of this app has ended. tasks/get has its result.",
  scope: SESSION_SCOPE,
  input: z.object({}),
  payload: z.object({
    task_id: z.string(),
    tool: z.string(),
    status: z.enum(["completed", "failed", "cancelled"]),
  }),
  async read({ after, limit }, { store }: EventContext<GatewayStore>) {
    const { env, principal, url } = store;
    const since = after === null ? null : place.parse(JSON.parse(after));
    const owner = { clientId: principal.clientId, server: url };
    const done = await taskGate(env, principal.userId).listDone(owner, since?.at ?? 0);
    return pageOfOwn(
      since,
      limit,
      done.map(({ sealedId, tool, status, updatedAt }) => ({
        id: sealedId,
        at: updatedAt,
        data: { task_id: sealedId, tool, status: status as "completed" | "failed" | "cancelled" },
      })),
    );
  },
});

const connectionDown = defineEvent({
  name: "gateway_connection_down",
  title: "Connection down",
  description: "A connected system fails, so that calls of its tools are refused at once for a while.",
  scope: SESSION_SCOPE,
  input: z.object({}),
  payload: z.object({ connection: z.string() }),
  async read({ after, limit }, { store, mayUse }: EventContext<GatewayStore>) {
    const { PLATFORM_DB: database } = store.env;
    if (after === null) {
      const newest = await database
        .prepare("SELECT ifnull(max(id), 0) AS id FROM alert")
        .first<{ id: number }>();
      return { events: [], position: String(newest?.id ?? 0), more: false };
    }
    const { results } = await database
      .prepare(
        `SELECT id, subject, begun_at AS begunAt FROM alert WHERE kind = 'connection' AND id > ? ORDER BY id LIMIT ?`,
      )
      .bind(Number(after), limit)
      .all<{ id: number; subject: string; begunAt: number }>();
    return {
      events: results
        .filter(({ subject }) => mayUse(subject))
        .map(({ id, subject, begunAt }) => ({
          id: String(id),
          at: new Date(begunAt).toISOString(),
          position: String(id),
          data: { connection: subject },
        })),
      position: String(results.at(-1)?.id ?? after),
      more: results.length === limit,
    };
  },
});

/** Events that every URL has. */
export const gatewayEvents = [approvalDecided, workDone, connectionDown] as unknown as EventDefinition<
  z.ZodObject,
  z.ZodObject,
  GatewayStore
>[];

/** A page of what the person's object lists from a moment on. What was seen at that very moment is left out. */
function pageOfOwn<Data>(since: z.output<typeof place> | null, limit: number, listed: readonly Own<Data>[]) {
  const newest = listed.at(-1)?.at ?? since?.at ?? 0;
  const idsAt = (at: number, until = listed.length) =>
    listed.slice(0, until).flatMap((one) => (one.at === at ? [one.id] : []));
  if (since === null) {
    return { events: [], position: JSON.stringify({ at: newest, ids: idsAt(newest) }), more: false };
  }
  const fresh = listed
    .map((one, index) => ({ ...one, index }))
    .filter(({ at, id }) => at > since.at || !since.ids.includes(id))
    .slice(0, limit);
  const events = fresh.map(({ id, at, data, index }) => ({
    ...{ id, data },
    at: new Date(at).toISOString(),
    position: JSON.stringify({ at, ids: idsAt(at, index + 1) }),
  }));
  return {
    events,
    position: events.at(-1)?.position ?? JSON.stringify(since),
    more: fresh.length === limit,
  };
}
