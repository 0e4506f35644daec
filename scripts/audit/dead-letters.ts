import { askFor } from "../../shared/people/admin-requests.ts";
import type { PlatformDatabase } from "../platform/database.ts";
import { awaitRequest, createMark, findRequest, nameAsker, type Waiting } from "../platform/requests.ts";

/** SQL: dead letters by reason: their number, the oldest, and the highest number of attempts. */
export function countDeadLetters(): string {
  return "SELECT reason, count(*) AS letters, min(at) AS oldest, max(tries) AS tries FROM dead_letter GROUP BY reason ORDER BY letters DESC LIMIT 100;";
}

/** SQL: records that the receivers of further sinks call invalid, by sink and reason. */
function countSinkLetters(): string {
  return "SELECT sink, reason, count(*) AS letters, min(at) AS oldest, max(tries) AS tries FROM audit_sink_letter GROUP BY sink, reason ORDER BY letters DESC LIMIT 100;";
}

/** Prints the records that could not be written, and why; and those that copies of the trail go on without. */
export async function printDeadLetters(database: PlatformDatabase): Promise<void> {
  const rows = await database.query(countDeadLetters());
  if (rows.length === 0) console.log("There are no dead letters.");
  for (const { reason, letters, oldest, tries } of rows) {
    const since = new Date(Number(oldest)).toISOString();
    console.log(`${letters} since ${since}, tried ${tries} times: ${reason}`);
  }
  for (const { sink, reason, letters, oldest, tries } of await database.query(countSinkLetters())) {
    const since = new Date(Number(oldest)).toISOString();
    console.log(`${sink} goes on without ${letters} since ${since}, tried ${tries} times: ${reason}`);
  }
}

/** Requests one more delivery of all dead letters, and prints the result. */
export async function redrive(database: PlatformDatabase, waiting: Waiting): Promise<void> {
  const mark = createMark();
  await database.change(askFor("redrive", null, nameAsker("audit"), mark));
  const id = await findRequest(database, mark);
  const outcome = id === undefined ? null : await awaitRequest(database, id, mark, waiting);
  console.log(
    outcome === null
      ? "Requested. A running Gatehouse does it within five minutes."
      : `${outcome.delivered} delivered, ${outcome.unreadable} still cannot be read.`,
  );
}
