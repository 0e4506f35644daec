import { env } from "cloudflare:workers";
import type { AuditEvent } from "../../shared/audit/record.ts";
import { retentionSection } from "../../shared/policy/retention.ts";
import { sweepRecords } from "../../workers/audit-log/sweep-records.ts";
import { deliverAll, emptyTrail, intentOf, storedOf, takenAt, withTrail } from "./trail.ts";

export const DAY = 24 * 60 * 60_000;
export const RULES = retentionSection.parse({
  calls_days: 40,
  denials_days: 20,
  sign_ins_days: 10,
  changes_days: 90,
});

/** Every run has users of its own, whose objects have no state of earlier runs. */
let run = 0;
export const nameOf = (user: string) => `${user}_${run}`;

export async function empty(): Promise<void> {
  run += 1;
  await emptyTrail();
}

export const SIGN_IN: AuditEvent = { type: "sign_in", succeeded: true, ip: "203.0.113.7", country: "DE" };

/** Records events of a user, each at its day, and delivers them to the database. */
export async function record(user: string, events: readonly (readonly ["call" | "sign_in", number])[]) {
  const chain = nameOf(user);
  await withTrail(chain, (trail) => {
    for (const [kind, day] of events) {
      if (kind === "sign_in") trail.record(chain, SIGN_IN, day * DAY);
      else {
        const callId = crypto.randomUUID();
        trail.open(intentOf(chain, callId), day * DAY, takenAt(day * DAY));
        trail.close({ callId, status: "ok", durationMs: 1, bytes: 1 }, day * DAY);
      }
    }
  });
  await deliverAll(chain);
}

export const hold = (user: string | null) =>
  env.PLATFORM_DB.prepare("INSERT INTO legal_hold (user_id, reason, at) VALUES (?, 'a claim', 0)")
    .bind(user === null ? null : nameOf(user))
    .run();
export const release = () => env.PLATFORM_DB.prepare("UPDATE legal_hold SET released_at = 1").run();
export const erase = (user: string) =>
  env.PLATFORM_DB.prepare("INSERT OR IGNORE INTO erased_person VALUES (?, 0)").bind(nameOf(user)).run();

export const sweep = (day: number) => sweepRecords(env, RULES, day * DAY);

/** The stored records of a user: sequence, type, and whether the event is gone. */
export async function stored(user: string): Promise<string[]> {
  const links = await storedOf(nameOf(user));
  return links.map(({ sequence, body, event }) => {
    const { type } = JSON.parse(body) as { type: string };
    return `${sequence} ${type}${event === null ? " gone" : ""}`;
  });
}
