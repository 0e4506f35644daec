import { POLICY_CHAIN, type PolicyChangeEvent } from "../../shared/audit/record.ts";
import { publishRights } from "../../shared/objects/change-gate.ts";
import { principalGate } from "../../shared/objects/principal-gate.ts";

import { log } from "../../shared/observe/log.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import type { Policy } from "../../shared/policy/compile.ts";

/** Most publications that one run records. */
const ROWS = 100;

type Row = Omit<PolicyChangeEvent, "type" | "digest"> & { digest: string | null };

const UNRECORDED = `
  SELECT id AS publication, replaced AS "from", version AS "to", digest, by, note, at AS publishedAt
    FROM policy_publication WHERE recorded = 0 ORDER BY id LIMIT ${ROWS}`;

/** The newest publication that this isolate has seen. */
let seen = 0;

/**
 * Called when this isolate sees a new publication: announces it to all subscribers and records it. The
 * publishing command triggers it at once, requests trigger it after their response, and the hourly run
 * records what is left.
 */
export async function onPolicyObserved(env: Env, { publication }: Policy): Promise<void> {
  if (publication <= seen) return;
  seen = publication;
  await Promise.all([
    publishRights(env, { publication }),
    recordPolicyChanges(env).catch((failure: unknown) =>
      log("error", "policy_change_not_recorded", { publication, error: String(failure) }),
    ),
  ]);
}

/**
 * Writes publications to the audit trail. The publishing command can only reach the platform database, where
 * its row waits until it is recorded here: first durable in the chain, then marked. Concurrent and repeated
 * runs record it once. Returns the number of recorded publications.
 */
export async function recordPolicyChanges(env: Env): Promise<number> {
  const { results } = await env.PLATFORM_DB.prepare(UNRECORDED).all<Row>();
  for (const { digest, ...row } of results) {
    const event: PolicyChangeEvent = {
      type: "policy_change",
      ...row,
      digest: digest ?? bundledPolicy().digest,
    };
    const key = `policy ${row.publication}`;
    await principalGate(env, POLICY_CHAIN).recordOnce(POLICY_CHAIN, key, event);
    await env.PLATFORM_DB.prepare("UPDATE policy_publication SET recorded = 1 WHERE id = ?")
      .bind(row.publication)
      .run();
  }
  return results.length;
}
