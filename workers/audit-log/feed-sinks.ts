import type { Link } from "../../shared/audit/chain.ts";
import { StoredTrail } from "../../shared/audit/read-stored.ts";
import { log, logFailure } from "../../shared/observe/log.ts";
import { claimSink, fixWindow, noteFailure, noteWritten, type SinkPlace } from "./sinks/cursor.ts";
import { keepLetters, retryLetters } from "./sinks/letters.ts";
import { FURTHER_SINKS } from "./sinks/list.ts";
import { RefusedRecords, TryLater } from "./sinks/refusals.ts";
import type { AuditSink } from "./sinks/sink.ts";
import { trailSource } from "./trail-source.ts";

/** Milliseconds that a sink has for one window, and for which a run holds its claim on one. */
const WRITE_MS = 30_000;
const CLAIM_MS = 2 * WRITE_MS;

/** Milliseconds after which a run begins no further window; the next run goes on. */
const RUN_MS = 4 * 60_000;

/** Milliseconds for which a window is tried of which the receiver takes nothing: wrong settings look like this too. */
const REFUSED_MS = 24 * 60 * 60_000;

/** Digits of a record's number in the name of a window, so that the order of texts is that of numbers. */
const DIGITS = 12;

/**
 * Brings every further sink up to the newest stored record. Each sink has a place of its own in the trail and is fed
 * apart from the others, so one that hangs or fails holds neither them nor the trail itself: records are
 * stored and confirmed without any of this. What fails is logged, and tried again later and later, at most an hour
 * apart.
 *
 * @param writeMs - milliseconds that a sink has for one window
 */
export async function feedSinks(
  env: Env,
  sinks: readonly AuditSink[] = FURTHER_SINKS,
  writeMs = WRITE_MS,
): Promise<void> {
  await Promise.all(
    sinks
      .filter(({ isConfigured }) => isConfigured?.(env) ?? true)
      .map((sink) =>
        feed(env, sink, writeMs).catch((failure) => logFailure("audit_sink_failed", failure, nameOf(sink))),
      ),
  );
}

async function feed(env: Env, sink: AuditSink, writeMs: number): Promise<void> {
  const start = Date.now();
  while (Date.now() - start < RUN_MS) {
    const claimed = await claimSink(env.PLATFORM_DB, sink.name, Date.now(), CLAIM_MS);
    if (claimed === null) return;
    const fixed = await fixWindow(env.PLATFORM_DB, claimed);
    if (fixed === null) return await withinTime(retryLetters(env, sink, Date.now()), writeMs);
    let place = fixed;
    const write = async () => {
      const window = await readWindow(env, sink, fixed);
      place = window.place;
      await writeWindow(env, sink, place, window.links);
    };
    try {
      await withinTime(write(), writeMs);
    } catch (failure) {
      if (!(await goOnWithout(env, place, failure))) return;
    }
    await noteWritten(env.PLATFORM_DB, place);
    if (place.failures > 0) log("info", "audit_sink_recovered", nameOf(sink));
  }
}

/**
 * Whether the sink goes on after a failed try: without the records that its receiver calls invalid, when it took the
 * others, or has taken none for a day. These are kept as dead letters of the sink. Every other failure is tried again.
 */
async function goOnWithout(env: Env, place: SinkPlace, failure: unknown): Promise<boolean> {
  const { name, through, failures, refusedAt } = place;
  const now = Date.now();
  const refusal = failure instanceof RefusedRecords ? failure : null;
  if (refusal !== null && (!refusal.isWhole || now - (refusedAt ?? now) >= REFUSED_MS)) {
    await keepLetters(env.PLATFORM_DB, name, refusal.refused, now);
    log("error", "audit_sink_refused", { sink: name, after: through, records: refusal.refused.length });
    return true;
  }
  const waitMs = failure instanceof TryLater ? failure.waitMs : 0;
  const retryAt = await noteFailure(env.PLATFORM_DB, place, now, waitMs, refusal !== null);
  const next = { failures: failures + 1, retry_at: new Date(retryAt).toISOString() };
  logFailure("audit_sink_failed", failure, { sink: name, after: through, ...next });
  return false;
}

/**
 * The records of a window, and where it ends: the sink may take fewer at once than were fixed. Of the same records it
 * takes the same, so the window has the same ones at every try.
 */
async function readWindow(
  env: Env,
  sink: AuditSink,
  fixed: SinkPlace,
): Promise<{ place: SinkPlace; links: readonly Link[] }> {
  // Whatever is stored later has a larger number.
  const links = await new StoredTrail(trailSource(env)).readArrivals(fixed.through, fixed.until);
  const first = links.slice(0, sink.countFirst?.(links) ?? links.length);
  const last = first.at(-1);
  if (last === undefined || first.length === links.length) return { place: fixed, links };
  return { place: { ...fixed, until: last.arrival }, links: first };
}

async function writeWindow(
  env: Env,
  sink: AuditSink,
  { through, mark }: SinkPlace,
  links: readonly Link[],
): Promise<void> {
  // All of them may have been removed since: their time was over, or their person was erased.
  if (links.length === 0) return;
  const first = String(through + 1).padStart(DIGITS, "0");
  await sink.write(env, links, mark === null ? first : `${first}-${mark}`);
}

async function withinTime(work: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms.`)), ms);
  });
  try {
    await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function nameOf({ name }: AuditSink): { sink: string } {
  return { sink: name };
}
