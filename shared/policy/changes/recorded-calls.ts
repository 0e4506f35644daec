import type { Link } from "../../audit/chain.ts";
import { StoredTrail, type TrailSource } from "../../audit/read-stored.ts";
import type { AuditEvent, AuditRecord, CallDetails } from "../../audit/record.ts";

/** One call in the audit trail, which does not store arguments. */
export interface RecordedCall {
  callId: string;
  userId: string;
  clientId: string;
  kind: string;
  name: string;
  /** Decision: `allow`, `approval`, `scope` or `deny`. */
  decision: string;
  rule: string;
  ip: string | null;
  country: string | null;
  /** Milliseconds since the epoch. */
  at: number;
}

/**
 * Reads the calls since a time, oldest first. A call that was admitted and then refused, because of its
 * arguments or a change of role or policy, counts as refused; a call that needed approval counts as such,
 * approved or not.
 *
 * @param most - how many of the newest records are read, and fewer where their segments are small; every one when left out
 */
export async function readCalls(source: TrailSource, since: number, most?: number): Promise<RecordedCall[]> {
  const trail = new StoredTrail(source);
  const calls = new Map<string, RecordedCall>();
  if (most !== undefined) {
    for (const link of await trail.readNewest(most)) {
      const event = readEvent(link);
      if (event !== null && (JSON.parse(link.body) as AuditRecord).at >= since)
        note(calls, link.chain, event);
    }
    return [...calls.values()].sort((a, b) => a.at - b.at);
  }
  for (const chain of await trail.listChains(since, Number.MAX_SAFE_INTEGER)) {
    for await (const link of trail.followChain(chain, { since })) {
      const event = readEvent(link);
      if (event !== null) note(calls, chain, event);
    }
  }
  return [...calls.values()].sort((a, b) => a.at - b.at);
}

/** The event of a record; one of version 1 has it in its body. */
function readEvent({ body, event }: Link): AuditEvent | null {
  if (event !== null) return JSON.parse(event) as AuditEvent;
  return (JSON.parse(body) as AuditRecord & { event?: AuditEvent }).event ?? null;
}

function note(calls: Map<string, RecordedCall>, userId: string, event: AuditEvent): void {
  switch (event.type) {
    case "outcome":
    case "approval_executed": {
      const refusal = event.type === "outcome" ? event.error : "approval_required";
      const known = calls.get(event.callId);
      if (known === undefined || !["forbidden", "approval_required"].includes(refusal ?? "")) return;
      known.decision = refusal === "forbidden" ? "deny" : "approval";
      return;
    }
    case "intent":
    case "denial": {
      const known = calls.get(event.callId);
      const { decision, rule } = event;
      // Denied later: the rule that denied it is the newer one.
      if (known) Object.assign(known, { decision, rule });
      else calls.set(event.callId, toCall(userId, event, decision));
    }
  }
}

function toCall(userId: string, details: CallDetails, decision: string): RecordedCall {
  const { callId, clientId, kind, name, rule, ip, country, startedAt: at } = details;
  return { callId, userId, clientId, kind, name, decision, rule, ip, country, at };
}
