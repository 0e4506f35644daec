import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Link } from "../../shared/audit/chain.ts";
import { exportLines } from "../../shared/audit/export-lines.ts";
import type { AuditEvent } from "../../shared/audit/record.ts";
import { deliverOutcomes } from "../../shared/guard/settle.ts";
import type { Admission, Intent, PrincipalGate } from "../../shared/objects/principal-gate.ts";
import { writeRecords } from "../../workers/audit-log/write-records.ts";
import { AuditTrail, type Taken } from "../../workers/objects/principal/audit-trail.ts";
import type { Principal } from "../../workers/objects/principal/principal.ts";
import { DEPLOYED_LIMITS } from "../support/limits.ts";
import { addPerson } from "../support/token.ts";

/** The Principal object of a user. */
export function principalOf(userId: string): DurableObjectStub & PrincipalGate {
  return env.PRINCIPAL.get(env.PRINCIPAL.idFromName(userId)) as unknown as DurableObjectStub & PrincipalGate;
}

/** The links in a user's Principal object that the platform database has not confirmed. */
export function linksOf(userId: string): Promise<Link[]> {
  return runInDurableObject(principalOf(userId), (object) => (object as unknown as Principal).readUnstored());
}

/** The events in a user's Principal object, oldest first. */
export async function eventsOf(userId: string): Promise<AuditEvent[]> {
  return (await linksOf(userId)).map(({ event }) => JSON.parse(event ?? "null") as AuditEvent);
}

/** Every event of a chain that is not erased, oldest first: from its object and the platform database. */
export async function allEventsOf(chain: string): Promise<AuditEvent[]> {
  // In this order: a record that leaves the object meanwhile is in the database by then.
  const waiting = await linksOf(chain);
  const { results } = await env.PLATFORM_DB.prepare(
    "SELECT sequence, event FROM audit_record WHERE chain = ?1",
  )
    .bind(chain)
    .all<Pick<Link, "sequence" | "event">>();
  const events = new Map([...results, ...waiting].map(({ sequence, event }) => [sequence, event]));
  return [...events]
    .sort(([a], [b]) => a - b)
    .flatMap(([, event]) => (event === null ? [] : [JSON.parse(event) as AuditEvent]));
}

/**
 * The first `count` events of a user. Outcomes wait in the isolate for a next call, so they are flushed
 * first; denials are recorded after the response, so the function waits for them.
 */
export async function awaitEvents(userId: string, count: number): Promise<AuditEvent[]> {
  await deliverOutcomes(env);
  await expect.poll(async () => (await eventsOf(userId)).length).toBeGreaterThanOrEqual(count);
  return eventsOf(userId);
}

/** Runs an audit trail over a user's storage, as their object would at another time. */
export async function withTrail<T>(userId: string, use: (trail: AuditTrail) => T): Promise<T> {
  const result = await runInDurableObject(principalOf(userId), (_object, state) =>
    use(new AuditTrail(state.storage.sql)),
  );
  // The object itself has not seen the changes.
  await evictDurableObject(principalOf(userId));
  return result;
}

/** Passes batches of messages to the queue's consumer. */
export async function deliver(...messages: unknown[]): Promise<void> {
  const batch = { queue: "test", messages: messages.map((body) => ({ id: "m", body, retry() {} })) };
  await writeRecords(batch as unknown as MessageBatch, env);
}

/** Delivers a user's records to the platform database, as alarm and queue would. */
export async function deliverAll(userId: string): Promise<void> {
  await deliver(await linksOf(userId));
}

/** The whole trail as the lines of an export. */
export async function exportTrail(from: number | null = null, to: number | null = null): Promise<string[]> {
  const ask = async (sql: string) =>
    (await env.PLATFORM_DB.prepare(sql).all<Record<string, string | number | null>>()).results;
  const lines: string[] = [];
  for await (const line of exportLines(ask, "local", { from, to }, 0)) lines.push(JSON.stringify(line));
  return lines;
}

/** Admits a call of a user, who is added to the database first: calls of unknown users are not admitted. */
export async function admitOne(userId: string, callId: string): Promise<Admission> {
  await addPerson({ name: userId.slice("user_".length), role: "viewer" });
  const claim = {
    grantId: "grant",
    tokenId: "token",
    costlyTool: null,
    timeoutMs: 20_000,
    limits: DEPLOYED_LIMITS,
  };
  return principalOf(userId).admit(intentOf(userId, callId), claim, []);
}

/** Arguments of {@link AuditTrail.open} in addition to an intent, for a call admitted at `at`. */
export function takenAt(at: number): Taken {
  return { at, costlyTool: null, leaseMs: 25_000, use: { day: 0, units: 0 } };
}

/** A default intent of a user. */
export function intentOf(userId: string, callId: string): Intent {
  return {
    userId,
    callId,
    traceId: "0".repeat(31).concat("1"),
    startedAt: 1,
    clientId: "client",
    sessionId: null,
    lane: "stateless",
    kind: "tool",
    server: "crm",
    name: "crm_find_contacts",
    ip: null,
    country: null,
    policy: "1:0000000000000000",
    rule: "scope:crm:read",
    arguments: { query: "string" },
    unknownArguments: 0,
    argumentsDigest: "0".repeat(64),
  };
}
