import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Link } from "../../shared/audit/chain.ts";
import { exportLines } from "../../shared/audit/export-lines.ts";
import { StoredTrail } from "../../shared/audit/read-stored.ts";
import type { AuditEvent } from "../../shared/audit/record.ts";
import { decodeSegment, encodeSegment, segmentKey } from "../../shared/audit/segment.ts";
import { deliverOutcomes } from "../../shared/guard/settle.ts";
import type { Admission, Intent, PrincipalGate } from "../../shared/objects/principal-gate.ts";
import { trailSource } from "../../workers/audit-log/trail-source.ts";
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

/** The stored records of a chain, by sequence. */
export function storedOf(chain: string): Promise<Link[]> {
  return new StoredTrail(trailSource(env)).readChain(chain, { most: 10_000 });
}

/** Every event of a chain that is not erased, oldest first: from its object and the platform database. */
export async function allEventsOf(chain: string): Promise<AuditEvent[]> {
  // In this order: a record that leaves the object meanwhile is in the database by then.
  const waiting = await linksOf(chain);
  const stored = await storedOf(chain);
  const events = new Map([...stored, ...waiting].map(({ sequence, event }) => [sequence, event]));
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
  const lines: string[] = [];
  for await (const line of exportLines(trailSource(env), "local", { from, to }, 0))
    lines.push(JSON.stringify(line));
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

/** Changes the body of a stored record in its segment, as a writer of the bucket could. */
export async function forgeBody({ chain, sequence }: Link, body: object): Promise<void> {
  const row = await env.PLATFORM_DB.prepare(
    `SELECT segment.digest FROM audit_part AS part JOIN audit_span AS span ON span.part = part.id
       JOIN audit_segment AS segment ON segment.through = span.segment
      WHERE part.chain = ?1 AND ?2 BETWEEN span.first AND span.last`,
  )
    .bind(chain, sequence)
    .first<{ digest: string }>();
  const key = segmentKey(row?.digest ?? "");
  const lines = await decodeSegment(
    new Uint8Array((await (await env.AUDIT_SEGMENTS.get(key))?.arrayBuffer()) ?? new ArrayBuffer()),
  );
  const { bytes } = await encodeSegment(
    lines.map((line) => {
      const record = JSON.parse(line.body) as { chain: string; sequence: number };
      const isIt = record.chain === chain && record.sequence === sequence;
      return isIt ? { ...line, body: JSON.stringify(body) } : line;
    }),
  );
  await env.AUDIT_SEGMENTS.put(key, bytes);
}

/** Stores records as an earlier release did. */
export async function insertIntoTable(links: readonly Link[]): Promise<void> {
  await env.PLATFORM_DB.prepare(
    `INSERT INTO audit_record (chain, sequence, hash, body, salt, event)
     SELECT value ->> 'chain', value ->> 'sequence', value ->> 'hash', value ->> 'body', value ->> 'salt', value ->> 'event'
       FROM json_each(?)`,
  )
    .bind(JSON.stringify(links))
    .run();
}

/** Empties the stored trail, with what was removed, held and copied of it. */
export async function emptyTrail(): Promise<void> {
  const tables = [
    "audit_record",
    "audit_span",
    "audit_part",
    "audit_segment",
    "audit_origin",
    "audit_checkpoint",
    "audit_removal",
    "audit_cut",
    "audit_swept",
    "audit_last_use",
    "audit_sink",
    "audit_sink_letter",
    "legal_hold",
    "erased_person",
    "trail_call",
    "call_entry",
    "open_call",
    "call_figure",
    "reason_figure",
    "trace_block",
    "early_outcome",
  ];
  await env.PLATFORM_DB.batch([
    ...tables.map((table) => env.PLATFORM_DB.prepare(`DELETE FROM ${table}`)),
    env.PLATFORM_DB.prepare("UPDATE figure_days SET until = 0"),
  ]);
}
