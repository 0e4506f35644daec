import { eventGate } from "../../../shared/objects/event-gate.ts";
import { taskGate } from "../../../shared/objects/task.ts";
import { grantStore } from "../grants/grant-objects.ts";
import { keptBy } from "./erase-person.ts";

/** Most bytes of an outcome: D1 holds two megabytes per row. */
const MOST_BYTES = 1_500_000;

/**
 * Collects a person's data that only Durable Objects hold: connected apps, data kept for stateless clients,
 * tasks with their results, what sessions have read. Kept results and programs that would not fit are left out and counted. Tokens are left out:
 * they are secrets, stored as digests.
 */
export async function collectPerson(env: Env, userId: string): Promise<Record<string, unknown>> {
  const grants = await grantStore(env, userId).list(`grant:${userId}:`, "", 1_000);
  const { contexts, results, met, programs } = await keptBy(env, userId).readKept();
  const connected_apps = grants.map(({ name, metadata, expiresAt }) => ({
    grant: name.slice(`grant:${userId}:`.length),
    expires: expiresAt === null ? null : new Date(expiresAt * 1000).toISOString(),
    about: metadata === null ? null : (JSON.parse(metadata) as unknown),
  }));
  const tasks = (await taskGate(env, userId).listKept()).map(({ sealedId: _, ...task }) => task);
  const event_subscriptions = await eventGate(env, userId).list();
  const kept = { contexts, tasks, kept_results: results, sessions_have_read: met, waiting_code: programs };
  const answer = { connected_apps, event_subscriptions, ...kept };
  if (JSON.stringify(answer).length <= MOST_BYTES) return answer;
  const { kept_results: _, waiting_code: __, ...rest } = answer;
  return { ...rest, kept_results_left_out: results.length, waiting_code_left_out: programs.length };
}
