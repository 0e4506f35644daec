import { readCalls } from "../../shared/policy/changes/recorded-calls.ts";
import { report } from "../../shared/policy/changes/replay.ts";
import { simulate } from "../../shared/policy/changes/simulate.ts";
import { CommandFailure } from "../local/failure.ts";
import { trailOf } from "../platform/database.ts";
import { openPlatform, type Place } from "../platform/place.ts";
import type { Loaded } from "./files.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Replays the calls of the last days against a draft and reports the different decisions. */
export async function simulateDays(loaded: Loaded, days: string, place: Place, now: number): Promise<string> {
  const draft = loaded.read.value;
  if (draft === null) throw new TypeError("A policy with mistakes cannot be simulated.");
  const count = Number(days);
  if (!Number.isFinite(count) || count <= 0) {
    throw new CommandFailure(`--days ${days} is no number of days.`, "Write --days 7.");
  }
  const database = openPlatform(place);
  const calls = await readCalls(trailOf(database), now - count * DAY_MS);
  return report(await simulate(database, draft, loaded.known, calls), count);
}
