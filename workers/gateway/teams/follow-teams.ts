import { ADMINISTRATION, type AdminEvent } from "../../../shared/audit/record.ts";
import { publishRights } from "../../../shared/objects/change-gate.ts";
import { principalGate } from "../../../shared/objects/principal-gate.ts";
import { keptBy } from "../admin-jobs/erase-person.ts";

/** Most teams that one run follows; the next run goes on. */
const AT_ONCE = 50;

/** Teams whose last active member has left, or that have one again, since it was told. */
const CHANGED = `
  SELECT id, stopped_at AS stoppedAt, changes FROM team
   WHERE (stopped_at IS NULL) <> EXISTS (SELECT 1 FROM team_holder WHERE team_id = team.id) LIMIT ${AT_ONCE}`;

/**
 * Tells the sessions of teams that their last member has left, or that there is one again, and records it. The database
 * itself refuses a team without members from that moment on; this is what makes open sessions ask it. Runs after every
 * change of people and groups, and every five minutes.
 */
export async function followTeams(env: Env): Promise<void> {
  const database = env.PLATFORM_DB;
  const { results } = await database
    .prepare(CHANGED)
    .all<{ id: string; stoppedAt: number | null; changes: number }>();
  for (const { id, stoppedAt, changes } of results) {
    const change = stoppedAt === null ? "stopped" : "started";
    const by = change === "stopped" ? "its last member left" : "it has a member again";
    // First: if this run is cut off, the next one does all of it again.
    await keptBy(env, id).forgetPerson();
    await publishRights(env, { userId: id });
    const event: AdminEvent = { type: "team_change", userId: id, change, member: null, by };
    await principalGate(env, ADMINISTRATION).recordOnce(ADMINISTRATION, `team ${id} ${changes}`, event);
    await database
      .prepare("UPDATE team SET stopped_at = ?1, changes = changes + 1 WHERE id = ?2 AND changes = ?3")
      .bind(change === "stopped" ? Date.now() : null, id, changes)
      .run();
  }
}
