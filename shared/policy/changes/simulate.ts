import type { PlatformDatabase } from "../../encoding/platform-database.ts";
import type { PolicyDocument } from "../schema.ts";
import type { Known } from "./known.ts";
import { readPublished, readState } from "./published.ts";
import type { RecordedCall } from "./recorded-calls.ts";
import { replay, type Verdict } from "./replay.ts";

/** Judges recorded calls by a draft, and by the policy in force. Throws `PolicyRefusal`. */
export async function simulate(
  database: PlatformDatabase,
  draft: PolicyDocument,
  known: Known,
  calls: readonly RecordedCall[],
): Promise<Verdict[]> {
  const { version } = await readState(database);
  const { document: inForce } = await readPublished(database, version);
  const people = await database.query(`SELECT "id", "role" FROM "user";`);
  const roles = new Map(people.map(({ id, role }) => [String(id), String(role)]));
  return replay(calls, { draft, inForce, known, roles });
}
