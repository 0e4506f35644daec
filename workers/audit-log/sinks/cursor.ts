/**
 * Records of one window, which a run holds in memory; a segment has no more. A quiet trail may have a record an hour, so a window may be as many
 * objects in R2: less than the 1,000 requests to other services that an invocation has.
 */
const WINDOW = 500;

/** Milliseconds until a sink that failed is tried again: the first time, twice as many with each try, and the longest. */
const RETRY_MS = { first: 60_000, longest: 60 * 60_000 } as const;

/** Where a sink is in the trail, for the run that claimed it. Numbers are those of arrival. */
export interface SinkPlace {
  name: string;
  /** The last record that it has. */
  through: number;
  /** The last record of the window to write. */
  until: number;
  failures: number;
  /** Chance text in the name of the window. */
  mark: string | null;
  /** Since when the receiver refuses the whole window as invalid, in milliseconds since the epoch. */
  refusedAt: number | null;
}

/** A place before its window is fixed. */
type ClaimedPlace = Omit<SinkPlace, "until"> & { until: number | null };

// Two runs at once: one of them changes the row, the other one finds it claimed.
const CLAIM = `
  INSERT INTO audit_sink (name, claimed_to) VALUES (?1, ?2 + ?3)
  ON CONFLICT (name) DO UPDATE SET claimed_to = excluded.claimed_to WHERE claimed_to <= ?2 AND retry_at <= ?2
  RETURNING name, through, until, failures, mark, refused_at AS refusedAt`;

/** What an earlier release stored has arrival numbers up to this. */
const ORIGIN = `(SELECT ifnull(max(last), ${Number.MAX_SAFE_INTEGER}) FROM audit_origin)`;

/** SQL: the last of the next segments that have at most a window's records together, but at least one segment. */
const segmentsEnd = (where: string) => `
  (SELECT max(through) FROM (
     SELECT through, records, sum(records) OVER (ORDER BY through) AS sum FROM (
       SELECT through, records FROM audit_segment
        WHERE through > audit_sink.through AND ${where} ORDER BY through LIMIT ${WINDOW}))
    WHERE sum <= ${WINDOW} OR sum = records)`;

// The end of the window that was fixed before stays: what it holds then has the same name as at the last try.
const FIX = `
  UPDATE audit_sink
     SET mark = iif(until IS NULL, lower(hex(randomblob(4))), mark),
         until = coalesce(until, ${segmentsEnd(`through <= ${ORIGIN}`)},
           (SELECT max(id) FROM (SELECT id FROM audit_record
                                  WHERE id > audit_sink.through AND id <= ${ORIGIN} ORDER BY id LIMIT ${WINDOW})),
           ${segmentsEnd(`through > ${ORIGIN}`)})
   WHERE name = ? RETURNING until, mark`;

const WRITTEN = `
  UPDATE audit_sink SET through = ?2, until = NULL, failures = 0, retry_at = 0, claimed_to = 0, refused_at = NULL, mark = NULL
   WHERE name = ?1 AND through < ?2`;

const FAILED = `
  UPDATE audit_sink
     SET failures = failures + 1, retry_at = ?2, claimed_to = 0, refused_at = iif(?4, ifnull(refused_at, ?5), NULL)
   WHERE name = ?1 AND through = ?3`;

const RELEASE = "UPDATE audit_sink SET claimed_to = 0 WHERE name = ?";

/** Claims a sink for `claimMs` from `now`, in milliseconds. `null` when another run has it or it is not yet to be tried. */
export async function claimSink(
  database: D1Database,
  name: string,
  now: number,
  claimMs: number,
): Promise<ClaimedPlace | null> {
  return await database.prepare(CLAIM).bind(name, now, claimMs).first<ClaimedPlace>();
}

/** Fixes the window that a sink is to get next. `null`, and the claim given back, when it has everything. */
export async function fixWindow(database: D1Database, place: ClaimedPlace): Promise<SinkPlace | null> {
  if (place.until !== null) return { ...place, until: place.until };
  const fixed = await database
    .prepare(FIX)
    .bind(place.name)
    .first<{ until: number | null; mark: string | null }>();
  if (fixed !== null && fixed.until !== null) return { ...place, until: fixed.until, mark: fixed.mark };
  await database.prepare(RELEASE).bind(place.name).run();
  return null;
}

/** Notes that a sink has its window. */
export async function noteWritten(database: D1Database, { name, until }: SinkPlace): Promise<void> {
  await database.prepare(WRITTEN).bind(name, until).run();
}

/**
 * Notes that a try failed. Returns when the next one may be, in milliseconds since the epoch.
 *
 * @param waitMs - how long the receiver asks to be left alone; at most an hour is granted
 * @param isRefused - whether it refuses the whole window as invalid
 */
export async function noteFailure(
  database: D1Database,
  { name, through, failures }: SinkPlace,
  now: number,
  waitMs: number,
  isRefused: boolean,
): Promise<number> {
  const ownMs = Math.min(RETRY_MS.first * 2 ** failures, RETRY_MS.longest);
  const retryAt = now + Math.max(ownMs, Math.min(waitMs, RETRY_MS.longest));
  await database.prepare(FAILED).bind(name, retryAt, through, Number(isRefused), now).run();
  return retryAt;
}

/** How far a sink is behind. */
export interface SinkLag {
  name: string;
  /** Milliseconds since the oldest record was made that the sink does not have; 0 when it has everything. */
  lagMs: number;
  /** Tries in a row that failed. */
  failures: number;
  /** Records that its receiver calls invalid, which it goes on without. */
  refused: number;
}

const LAG = `
  SELECT sink.value AS name, ifnull(place.failures, 0) AS failures,
         (SELECT count(*) FROM audit_sink_letter AS letter WHERE letter.sink = sink.value) AS refused,
         coalesce((SELECT at FROM audit_record WHERE id > ifnull(place.through, 0) AND id <= ${ORIGIN} ORDER BY id LIMIT 1),
                  (SELECT at FROM audit_segment WHERE through > ifnull(place.through, 0) ORDER BY through LIMIT 1)) AS oldest
    FROM json_each(?) AS sink LEFT JOIN audit_sink AS place ON place.name = sink.value`;

/** How far these sinks are behind: one seek for each. */
export async function readLags(
  database: D1Database,
  names: readonly string[],
  now: number,
): Promise<SinkLag[]> {
  const { results } = await database
    .prepare(LAG)
    .bind(JSON.stringify(names))
    .all<{ name: string; failures: number; refused: number; oldest: number | null }>();
  return results.map(({ name, failures, refused, oldest }) => ({
    name,
    failures,
    refused,
    lagMs: oldest === null ? 0 : Math.max(now - oldest, 0),
  }));
}
