import type { JsonValue } from "../encoding/json.ts";
import { openObject } from "./open-object.ts";
import type { Placement } from "./placement.ts";

/** How a call of another tool ended, as a program gets it. */
export type ToolOutcome =
  | { ok: true; value: JsonValue }
  | { ok: false; error: { code: string; message: string; [member: string]: JsonValue | undefined } };

/** One call of a program. */
export interface JournalEntry {
  tool: string;
  /** SHA-256 of its canonical arguments. */
  digest: string;
  /** `null` while it waits for a person. */
  outcome: ToolOutcome | null;
}

/** A program that stopped because a person has to allow a call first. */
export interface WaitingProgram {
  id: string;
  clientId: string;
  /** Path segment of its URL. */
  server: string;
  /** SHA-256 of its text. */
  codeDigest: string;
  /** Role and policy under which its calls were answered. */
  role: string;
  policyDigest: string;
  /** The time that the program sees, in milliseconds since the epoch. */
  at: number;
  journal: readonly JournalEntry[];
}

/** For whom and for which code a program goes on: as it was when it stopped. */
export type ProgramRights = Pick<
  WaitingProgram,
  "clientId" | "server" | "codeDigest" | "role" | "policyDigest"
>;

/** Programs that wait, in the person's object. Implemented in `workers/objects/principal`. */
export interface ProgramGate {
  keepProgram(program: WaitingProgram): Promise<void>;
  /**
   * Gives a waiting program once; `null` if there is none of this app, URL and id. `"other"` for one of other code, role
   * or policy, which goes on waiting.
   */
  takeProgram(id: string, rights: ProgramRights): Promise<WaitingProgram | "other" | null>;
}

/** The object of a person, for their programs. */
export function programGate(env: Placement & Pick<Env, "PRINCIPAL">, userId: string): ProgramGate {
  return openObject<ProgramGate>(env, env.PRINCIPAL, userId);
}
