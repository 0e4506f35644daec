import { exportLines } from "../../../../shared/audit/export-lines.ts";
import { trailSource } from "../../../audit-log/trail-source.ts";
import type { CallFilter, CallPlace } from "./filter.ts";
import { findCalls } from "./find-calls.ts";

/** Calls that one export of calls has at most, and those that are read at once. */
const MOST_CALLS = 50_000;
const AT_ONCE = 1_000;

/** Most reads of one export of calls: each looks through some thousand calls. */
const MOST_READS = 400;

/** The calls that fit a filter as JSON lines, newest first. */
export async function* exportCalls(database: D1Database, filter: CallFilter): AsyncGenerator<object> {
  let after: CallPlace | null = null;
  let written = 0;
  for (let reads = 0; reads < MOST_READS && written < MOST_CALLS; reads += 1) {
    const { calls, next } = await findCalls(database, filter, after, Math.min(AT_ONCE, MOST_CALLS - written));
    for (const { id: _, session: _session, at, ...call } of calls)
      yield { at: new Date(at).toISOString(), ...call };
    written += calls.length;
    if (next === null) return;
    after = next;
  }
}

/** The records of a person, a time, or both, as `npm run audit -- export` writes them. */
export function exportRecords(
  env: Env,
  { person, from, to }: CallFilter,
  now: number,
): AsyncGenerator<object> {
  // The end of an export's span is included; that of the filter is not.
  const span = { from, to: to === null ? null : to - 1 };
  const chain = person === "" ? {} : { chain: person, from: from ?? 0 };
  return exportLines(trailSource(env), env.ENVIRONMENT, { ...span, ...chain }, now);
}

/** A download of JSON lines, written as they are read. */
export function downloadLines(lines: AsyncGenerator<object>, name: string): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await lines.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
    },
    async cancel() {
      await lines.return(undefined);
    },
  });
  return new Response(body, {
    headers: {
      "Content-Type": "application/x-ndjson",
      "Content-Disposition": `attachment; filename="${name}"`,
      "Cache-Control": "no-store",
    },
  });
}
