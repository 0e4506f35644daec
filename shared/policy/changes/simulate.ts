import type { PlatformDatabase } from "../../encoding/platform-database.ts";
import type { PolicyDocument } from "../schema.ts";
import type { Known } from "./known.ts";
import { readPublished, readState } from "./published.ts";
import { readCalls } from "./recorded-calls.ts";
import { replay, type Verdict } from "./replay.ts";

/**
 * Judges the calls since a time (milliseconds since the epoch) by a draft. Throws `PolicyRefusal`.
 *
 * @param most - how many of the newest records are read; every one when left out
 */
export async function simulate(
  database: PlatformDatabase,
  draft: PolicyDocument,
  known: Known,
  since: number,
  most?: number,
): Promise<Verdict[]> {
  const { version } = await readState(database);
  const { document: inForce } = await readPublished(database, version);
  const people = await database.query(`SELECT "id", "role" FROM "user";`);
  const roles = new Map(people.map(({ id, role }) => [String(id), String(role)]));
  return replay(await readCalls(database, since, most), { draft, inForce, known, roles });
}
