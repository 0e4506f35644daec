import type { Link } from "../../shared/audit/chain.ts";
import { commitToText } from "../../shared/audit/commitment.ts";
import type { AuditEvent } from "../../shared/audit/record.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { intentOf } from "./trail.ts";

/** A record of a chain, as its object would send it. */
export function linkOf(chain: string, sequence: number, at: number, event: AuditEvent): Link {
  const text = canonicalize(event);
  const salt = `salt ${sequence}`;
  const { type } = event;
  const commitment = commitToText(salt, text);
  const body = canonicalize({ version: 2, chain, sequence, previous: "0".repeat(64), at, type, commitment });
  return { chain, sequence, body, hash: digestText(body), salt, event: text };
}

/** A call, with how it ended. */
export interface Call {
  person: string;
  name: string;
  clientId: string;
  at: number;
  ms: number;
  end: "ok" | "not_found" | "rate_limited" | "input_required" | "unknown" | "forbidden" | "running" | "deny";
}

/** The records of calls, each chain in its own order. */
export function linksOfCalls(calls: readonly Call[]): Link[] {
  const sequences = new Map<string, number>();
  const next = (chain: string) => {
    sequences.set(chain, (sequences.get(chain) ?? 0) + 1);
    return sequences.get(chain) ?? 1;
  };
  return calls.flatMap(({ person, name, clientId, at, ms, end }, index) => {
    const { userId: _, ...details } = { ...intentOf(person, `call-${index}`), name, clientId };
    const link = (time: number, event: AuditEvent) => linkOf(person, next(person), time, event);
    if (end === "deny") return [link(at, { type: "denial", decision: "deny", ...details })];
    const intent = link(at, { type: "intent", decision: "allow", ...details });
    if (end === "running") return [intent];
    const failed = !["ok", "input_required", "unknown"].includes(end);
    const callId = `call-${index}`;
    const status = failed ? "failed" : (end as "ok");
    const error = failed ? end : null;
    return [intent, link(at + ms, { type: "outcome", callId, status, error, durationMs: ms, bytes: 1 })];
  });
}
