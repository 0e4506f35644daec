import type { Context } from "hono";
import { approvalGate } from "../../../shared/objects/approval-gate.ts";
import type {
  StandingApproval,
  StandingRequest,
  StandingResult,
} from "../../../shared/objects/standing-approval.ts";
import type { Policy } from "../../../shared/policy/compile.ts";
import { roleMayApprove } from "../../../shared/policy/current.ts";
import type { Person } from "../people.ts";
import { recordEvent } from "../record-event.ts";
import type { DecisionProblem } from "./decide-request.ts";
import type { OpenedApproval } from "./open-approval.ts";

/** Standing approvals on one page. */
const PAGE_SIZE = 50;

const PROBLEMS: Record<Exclude<StandingResult, "made">, DecisionProblem> = {
  unknown: { status: 404, text: "This request is not kept any more." },
  closed: { status: 409, text: "This has been decided already; nothing was approved in advance." },
  policy_changed: { status: 409, text: "The policy has changed since. The app has to make its call again." },
  disconnected: { status: 409, text: "The app that asked has been disconnected." },
  own: { status: 403, text: "You cannot approve calls of your own apps in advance." },
  wider: {
    status: 409,
    text: "That is more than the rule allows, or bounds an argument that the call does not have.",
  },
  full: { status: 409, text: "This person has 20 standing approvals in force. Revoke one first." },
};

const INSERT =
  "INSERT INTO standing_approval (id, requester, tool, by, made_at, until) VALUES (?, ?, ?, ?, ?, ?)";

/** What an approver asks for, without what the opened request says. */
export type AskedStanding = Pick<StandingRequest, "bounds" | "calls" | "until">;

/**
 * Approves a waiting request, and further calls like it within bounds. Who may not approve the request itself may not
 * approve any in advance. Durable, and recorded in both chains, when it returns `made`.
 */
export async function makeStanding<E extends { Bindings: Env }>(
  c: Context<E>,
  policy: Policy,
  person: Person,
  { item, powers, obstacle }: OpenedApproval,
  asked: AskedStanding,
  now: number,
): Promise<"made" | DecisionProblem> {
  if (powers === "code_first" || powers === "set_up_first")
    return { status: 403, text: "Give your second factor before you approve this." };
  if (powers !== "decide") return PROBLEMS.own;
  if (obstacle !== null) return { status: 409, text: obstacle };
  const { approvalId, requester, binding } = item;
  const id = crypto.randomUUID();
  const database = c.env.PLATFORM_DB;
  // The list first: it grants nothing, and a standing approval that no page lists could not be revoked.
  await database.prepare(INSERT).bind(id, requester, binding.tool, person.id, now, asked.until).run();
  const request = { id, approvalId, by: person.id, policyDigest: policy.digest, ...asked };
  const result = await approvalGate(c.env, requester).makeStanding(request);
  if (result !== "made") {
    await database.prepare("DELETE FROM standing_approval WHERE id = ?").bind(id).run();
    return PROBLEMS[result];
  }
  const about = { requester, tool: binding.tool } as const;
  await recordEvent(c, person.id, { type: "approval_decision", granted: true, approvalId, ...about });
  await recordEvent(c, person.id, { type: "standing_decision", change: "made", standingId: id, ...about });
  return "made";
}

/** A standing approval with the names of its people. */
export interface ListedStanding {
  standing: StandingApproval;
  requesterName: string;
  approverName: string;
}

/** One page; `next` is the id to go on after, or `null` at the end. */
export interface StandingList {
  listed: ListedStanding[];
  next: string | null;
}

type Row = {
  id: string;
  requester: string;
  requester_name: string | null;
  approver_name: string | null;
};

const LIST = `
  SELECT standing.id, requester, asking."name" AS requester_name, approving."name" AS approver_name
    FROM standing_approval AS standing
    LEFT JOIN "user" AS asking ON asking."id" = requester
    LEFT JOIN "user" AS approving ON approving."id" = by
   WHERE until > ?1 AND tool IN (SELECT value FROM json_each(?2))
     AND (?3 = '' OR (until, standing.id) < (SELECT until, id FROM standing_approval WHERE id = ?3))
   ORDER BY until DESC, standing.id DESC LIMIT ${PAGE_SIZE + 1}`;

/**
 * Standing approvals that have not ended, for tools whose calls a person approves, the longest first.
 *
 * @param after - id of the last one of the page before; empty for the first page
 */
export async function listStanding(
  env: Env,
  policy: Policy,
  person: Person,
  now: number,
  after: string,
): Promise<StandingList> {
  // By what the table has, and not by the catalogue: a tool may be gone, and its approvals are to be revoked all the same.
  const all = await env.PLATFORM_DB.prepare("SELECT DISTINCT tool FROM standing_approval WHERE until > ?")
    .bind(now)
    .all<{ tool: string }>();
  const tools = all.results
    .map(({ tool }) => tool)
    .filter((tool) => roleMayApprove(policy, person.role, tool));
  const { results } = await env.PLATFORM_DB.prepare(LIST).bind(now, JSON.stringify(tools), after).all<Row>();
  const rows = results.slice(0, PAGE_SIZE);
  const listed = await Promise.all(
    rows.map(async ({ id, requester, requester_name, approver_name }) => {
      const standing = await approvalGate(env, requester).readStanding(id);
      if (standing === null) return [];
      return [
        { standing, requesterName: requester_name ?? requester, approverName: approver_name ?? standing.by },
      ];
    }),
  );
  return { listed: listed.flat(), next: results.length > PAGE_SIZE ? (rows.at(-1)?.id ?? null) : null };
}

/** Ends a standing approval of a tool whose calls the person approves. Returns whether there was one to end. */
export async function revokeStanding<E extends { Bindings: Env }>(
  c: Context<E>,
  policy: Policy,
  person: Person,
  id: string,
): Promise<boolean> {
  const row = await c.env.PLATFORM_DB.prepare("SELECT requester, tool FROM standing_approval WHERE id = ?")
    .bind(id)
    .first<{ requester: string; tool: string }>();
  if (row === null || !roleMayApprove(policy, person.role, row.tool)) return false;
  if (!(await approvalGate(c.env, row.requester).revokeStanding(id, person.id))) return false;
  await recordEvent(c, person.id, { type: "standing_decision", change: "revoked", standingId: id, ...row });
  return true;
}

/** Deletes ended ones from the list, at most `limit`. Returns their number. */
export async function removeEndedStanding(database: D1Database, now: number, limit: number): Promise<number> {
  const { meta } = await database
    .prepare(
      "DELETE FROM standing_approval WHERE id IN (SELECT id FROM standing_approval WHERE until <= ? ORDER BY until LIMIT ?)",
    )
    .bind(now, limit)
    .run();
  return meta.changes;
}
