import type { PrincipalIdentity } from "../../../shared/call/principal.ts";

/** User and time of a write: stored with every change. */
export interface Stamp {
  userId: string;
  name: string;
  /** ISO time in UTC. */
  at: string;
}

/** The stamp of a call. */
export function stampCall(principal: PrincipalIdentity, now: Date): Stamp {
  return { userId: principal.userId, name: principal.name, at: now.toISOString() };
}
