import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { addTeam, addTeamMember } from "../../shared/people/teams.ts";

/** The team of the tests, whose member the salesperson is. */
export const TEAM = { id: "night-jobs", name: "Night jobs of the finance department" } as const;

const MINUTE_MS = 60_000;

/** Stores a team, subscriptions to events, and records that could not be stored or copied, for the pages that show them. */
export async function seedWork(database: D1Database): Promise<void> {
  const at = Date.now();
  const team = [
    addTeam({ ...TEAM, role: "sales", group: null, at: new Date(at) }),
    addTeamMember(TEAM.id, "demo-sales"),
  ].join("\n");
  const subscribe = database.prepare(
    `INSERT INTO open_subscription (id, person, client_id, server, name, host, begun_at, until)
     VALUES (?, ?, 'desk-assistant', 'crm', ?, ?, ?, ?)`,
  );
  const refuse = database.prepare(
    `INSERT INTO audit_sink_letter (sink, chain, sequence, reason, at, tries, tried_at)
     VALUES (?, 'demo-sales', ?, ?, ?, ?, ?)`,
  );
  const times = [at - 90 * MINUTE_MS, at + 600 * MINUTE_MS] as const;
  const wide = "deliveries-of-the-sales-department.region-one.agents.example.com";
  await database.batch([
    ...splitStatements(team).map((statement) => database.prepare(statement)),
    subscribe.bind(
      "subscription-one",
      "demo-sales",
      "crm_deal_stage_changed",
      "agents.example.com",
      ...times,
    ),
    subscribe.bind("subscription-two", "demo-editor", "knowledge_document_published", wide, ...times),
    refuse.bind("splunk", 1, "400 The event has no field that the index requires.", at - MINUTE_MS, 1, at),
    refuse.bind("lake", 9_007_199, "413 Too large", at - 90 * MINUTE_MS, 31, 0),
    database
      .prepare("INSERT INTO dead_letter (id, body, reason, at, tries, tried_at) VALUES (?, ?, ?, ?, 3, ?)")
      .bind("0123456789abcdef0123456789abcdef", '{"version":9}', "Version 9 is not known.", times[0], at),
  ]);
}
