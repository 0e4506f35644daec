import { appendLink, EMPTY_CHAIN, type Head, type Link } from "../../shared/audit/chain.ts";
import type { AuditEvent, CallDetails } from "../../shared/audit/record.ts";
import { intentOf } from "./trail.ts";

/** A call of a fixture: how it ended, and what differs from a usual one. */
export interface FixtureCall {
  ms: number;
  status: "ok" | "failed" | "input_required" | "unknown" | "denied" | "running";
  error?: string;
  details?: Partial<CallDetails>;
  /** Milliseconds since the epoch; now by default. */
  at?: number;
}

/** The records of a person's calls, one after the other, as their object would send them. */
export function callsOf(person: string, calls: readonly FixtureCall[]): Link[] {
  const links: Link[] = [];
  const add = (event: AuditEvent, at: number) => {
    const last = links.at(-1);
    const head: Head = last
      ? { sequence: last.sequence, hash: last.hash, at: (JSON.parse(last.body) as Head).at }
      : EMPTY_CHAIN;
    links.push(appendLink(person, head, event, at));
  };
  for (const { ms, status, error = null, details, at = Date.now() } of calls) {
    const { userId: _, ...usual } = intentOf(person, crypto.randomUUID());
    const call = { ...usual, startedAt: at, ...details };
    if (status === "denied") {
      add({ type: "denial", decision: "deny", ...call }, at);
      continue;
    }
    add({ type: "intent", decision: "allow", ...call }, at);
    if (status === "running") continue;
    add({ type: "outcome", callId: call.callId, status, error, durationMs: ms, bytes: 1 }, at + ms);
  }
  return links;
}
