import type { Link } from "../../../../shared/audit/chain.ts";
import { StoredTrail } from "../../../../shared/audit/read-stored.ts";
import type { AuditRecord, CallDetails } from "../../../../shared/audit/record.ts";
import { isRecord } from "../../../../shared/encoding/is-record.ts";
import type { Policy } from "../../../../shared/policy/compile.ts";
import { readDocument } from "../../../../shared/policy/load-version.ts";
import bundled from "../../../../shared/policy/policy.json" with { type: "json" };
import { trailSource } from "../../../audit-log/trail-source.ts";
import { nameApps, namePeople } from "../names.ts";
import type { CallPlace } from "./filter.ts";
import { findCall, findNeighbours, type ListedCall } from "./find-calls.ts";

/** Calls before and after one, of the same person, and as many of the same session. */
const NEIGHBOURS = 5;

/**
 * Records before and after a call in its chain that are looked through for its approval: a step that names the call stands
 * close to it, and the other steps of that approval further away. A few records of a person are in each segment, so a wide
 * look is dear.
 */
const [NEAR, AROUND] = [30, 400];

/** One step of an approval that the call needed. */
export interface ApprovalStep {
  at: number;
  type: string;
  /** Name of who decided, or their id. */
  by: string | null;
}

/** A call in full. Of its arguments the trail has names and types only. */
export interface FullCall {
  call: ListedCall;
  /** The record's event; `null` once it was removed. */
  details: CallDetails | null;
  hash: string;
  person: string;
  app: string;
  approval: { id: string; steps: ApprovalStep[] } | null;
  neighbours: { call: ListedCall; sameSession: boolean }[];
  /** The deciding rule as the policy of that time has it, as JSON; `null` when it is not there, or has no text. */
  ruleText: string | null;
}

/** Types of the records that an approval leaves. */
const STEPS: ReadonlySet<string> = new Set([
  "approval_requested",
  "approval_granted",
  "approval_refused",
  "approval_expired",
  "approval_executed",
  "approval_returned",
]);

/** Reads a call with all that the trail knows about it; `null` when there is none, or it was removed. */
export async function readCall(env: Env, policy: Policy, place: CallPlace): Promise<FullCall | null> {
  const database = env.PLATFORM_DB;
  const call = await findCall(database, place);
  if (call === null) return null;
  const trail = new StoredTrail(trailSource(env));
  const look = (records: number) =>
    trail.readChain(call.chain, {
      from: call.sequence - records,
      through: call.sequence + records,
      most: 2 * records + 1,
    });
  const [near, neighbours, apps] = await Promise.all([
    look(NEAR),
    findNeighbours(database, call, NEIGHBOURS),
    nameApps(env, [call.clientId]),
  ]);
  const record = near.find(({ sequence }) => sequence === call.sequence);
  const details = (record && readEvent(record)) as CallDetails | null;
  const approval = findApproval(near, call.callId) && findApproval(await look(AROUND), call.callId);
  const people = await namePeople(database, [
    call.chain,
    ...(approval?.steps.flatMap(({ by }) => by ?? []) ?? []),
  ]);
  return {
    call,
    details,
    hash: record?.hash ?? "",
    person: people.get(call.chain) ?? call.chain,
    app: apps.get(call.clientId) ?? call.clientId,
    approval: approval && {
      ...approval,
      steps: approval.steps.map((step) => ({ ...step, by: step.by && (people.get(step.by) ?? step.by) })),
    },
    neighbours: neighbours.map((other) => ({
      call: other,
      sameSession: call.session !== null && other.session === call.session,
    })),
    ruleText: details && (await readRule(env, policy, details)),
  };
}

/** The event of a record; a record of version 1 has it in its body. */
function readEvent({ body, event }: Link): unknown {
  const text = event ?? JSON.stringify((JSON.parse(body) as { event?: unknown }).event ?? null);
  return JSON.parse(text);
}

/** The steps of the approval that names the call, in their order. */
function findApproval(links: readonly Link[], callId: string): FullCall["approval"] {
  const steps = links.flatMap(({ body, event }) => {
    const { at, type } = JSON.parse(body) as AuditRecord;
    if (event === null || !STEPS.has(type)) return [];
    const {
      approvalId,
      callId: call,
      by,
    } = JSON.parse(event) as { approvalId?: string; callId?: string; by?: string };
    return [{ at, type, approvalId, call, by: by ?? null }];
  });
  const id = steps.find(({ call }) => call === callId)?.approvalId;
  if (id === undefined) return null;
  return {
    id,
    steps: steps.flatMap(({ approvalId, at, type, by }) => (approvalId === id ? [{ at, type, by }] : [])),
  };
}

/** The deciding rule's text in the document of the version that decided. */
async function readRule(
  env: Env,
  policy: Policy,
  { policy: decided, rule }: CallDetails,
): Promise<string | null> {
  const [, version, digest] = /^(\d+):([0-9a-f]{16})$/.exec(decided) ?? [];
  if (version === undefined || digest === undefined) return null;
  const document = await readVersion(env, policy, Number(version), digest);
  const found = document === null ? undefined : findByPath(document, rule);
  return found === undefined ? null : JSON.stringify(found, null, 2);
}

async function readVersion(env: Env, policy: Policy, version: number, digest: string): Promise<unknown> {
  // Version 1 is the deployment's own, and differs between releases.
  if (version === 1) return policy.version === 1 && policy.digest.startsWith(digest) ? bundled : null;
  const row = await env.PLATFORM_DB.prepare("SELECT digest FROM policy_version WHERE number = ?")
    .bind(version)
    .first<{ digest: string }>();
  if (row === null || !row.digest.startsWith(digest)) return null;
  return JSON.parse(await readDocument(env, { version, digest: row.digest })) as unknown;
}

/** Follows a rule's path: `roles.sales.allowed_tools[2]`, or a list's entry by its name. */
function findByPath(document: unknown, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .filter(Boolean)
    .reduce<unknown>((value, key) => {
      if (Array.isArray(value))
        return /^\d+$/.test(key)
          ? value[Number(key)]
          : value.find((entry) => isRecord(entry) && entry.name === key);
      return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    }, document);
}
