import { digestText } from "../../../shared/encoding/canonical-json.ts";

/** Where a record is. */
interface Place {
  id: number;
  chain: string;
  sequence: number;
  at: number;
  type: string;
}

/** What is counted of an event, whichever its type. */
interface CountedEvent {
  callId?: string;
  traceId?: string;
  clientId?: string;
  sessionId?: string | null;
  kind?: string;
  server?: string;
  name?: string;
  country?: string | null;
  decision?: string;
  rule?: string;
  status?: string;
  error?: string | null;
  durationMs?: number;
  succeeded?: boolean;
}

/** A record as the counting statements take it. */
export interface Countable extends Place {
  session: number | null;
  event: CountedEvent;
}

/** A record as the counting statements take it. */
export function countable({ id, chain, sequence, at, type }: Place, event: CountedEvent): Countable {
  return { id, chain, sequence, at, type, session: numberSession(event.sessionId ?? null), event };
}

/** A number for a session: 48 bits of the SHA-256 of its id. */
export function numberSession(id: string | null): number | null {
  return id === null ? null : Number.parseInt(digestText(id).slice(0, 12), 16);
}
