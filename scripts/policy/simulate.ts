import { CommandFailure } from "../local/failure.ts";
import type { Loaded } from "./files.ts";
import { openPlatform, type Place, readPublished, readState } from "./published.ts";
import { readCalls } from "./recorded-calls.ts";
import { replay, report } from "./replay.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Replays the calls of the last days against a draft and reports the different decisions. */
export async function simulate(loaded: Loaded, days: string, place: Place, now: number): Promise<string> {
  const draft = loaded.read.value;
  if (draft === null) throw new TypeError("A policy with mistakes cannot be simulated.");
  const count = Number(days);
  if (!Number.isFinite(count) || count <= 0) {
    throw new CommandFailure(`--days ${days} is no number of days.`, "Write --days 7.");
  }
  const database = openPlatform(place);
  const { version } = await readState(database);
  const { document: inForce } = await readPublished(database, version);
  const people = await database.query(`SELECT "id", "role" FROM "user";`);
  const roles = new Map(people.map(({ id, role }) => [String(id), String(role)]));
  const calls = await readCalls(database, now - count * DAY_MS);
  return report(replay(calls, { draft, inForce, known: loaded.known, roles }), count);
}
