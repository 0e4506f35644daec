import { quoteText } from "../../../shared/encoding/quote-text.ts";
import { BOUNDS_MS, BUCKETS, DIMENSIONS, ENDINGS, GRAINS, STOPPED } from "./grains.ts";

const list = (texts: readonly string[]) => texts.map(quoteText).join(", ");

/** Fixes the end of the next window: at most `?1` records. */
const FIX = `
  UPDATE figure_place SET until =
    (SELECT max(id) FROM (SELECT id FROM audit_record WHERE id > through ORDER BY id LIMIT ?1))`;

// Records of version 1 have their event in the body.
const window = (types: readonly string[]) => `
  fresh AS MATERIALIZED (
    SELECT record.id, record.chain, record.sequence, record.at, record.type,
           coalesce(record.event, record.body -> '$.event') AS event
      FROM figure_place AS place
     CROSS JOIN audit_record AS record ON record.id > place.through AND record.id <= place.until
     WHERE record.type IN (${list(types)}) AND coalesce(record.event, record.body -> '$.event') IS NOT NULL)`;

const field = (name: string) => `event ->> '$.${name}'`;

const BEGIN = `
  INSERT INTO trail_call (at, id, call_id, chain, sequence, trace_id, client_id, session_id, kind, server, name,
                          decision, rule, status)
  WITH ${window(["intent", "denial"])}
  SELECT at, id, ${field("callId")}, chain, sequence, ${field("traceId")}, ${field("clientId")},
         ${field("sessionId")}, ${field("kind")}, ${field("server")}, ${field("name")}, ${field("decision")},
         ${field("rule")}, iif(type = 'denial', 'denied', NULL)
    FROM fresh WHERE true ORDER BY id
  ON CONFLICT (call_id) DO UPDATE SET decision = excluded.decision, rule = excluded.rule
   WHERE excluded.decision <> 'allow'`;

const SPANS = Object.entries(DIMENSIONS).flatMap(([dimension, grains]) =>
  grains.map((grain) => `(${quoteText(dimension)}, ${GRAINS[grain]})`),
);

/** Every span that a call counts in. */
const SPAN = `span (dimension, grain) AS (VALUES ${SPANS.join(", ")})`;

const startOf = (at: string) => `iif(span.grain = 0, 0, ${at} - ${at} % (1000 * max(span.grain, 1)))`;

const MEMBER = `
  CASE span.dimension WHEN 'all' THEN '' WHEN 'server' THEN call.server WHEN 'person' THEN call.chain
       WHEN 'app' THEN call.client_id ELSE call.kind || ' ' || call.server || ' ' || call.name END`;

const COUNTS: readonly string[] = ["calls", ...ENDINGS, "duration_ms", ...BUCKETS];

const countCalls = (from: string, sums: Readonly<Record<string, string>>) => `
  INSERT INTO call_figure (grain, dimension, at, member, ${COUNTS.join(", ")})
  WITH ${from}, ${SPAN}
  SELECT span.grain, span.dimension, ${startOf("call.at")} AS start, ${MEMBER} AS member,
         ${COUNTS.map((name) => sums[name] ?? "0").join(", ")}
    FROM call CROSS JOIN span
   WHERE NOT (span.dimension = 'person' AND EXISTS (SELECT 1 FROM erased_person WHERE user_id = call.chain))
   GROUP BY span.grain, span.dimension, start, member
  ON CONFLICT (grain, dimension, at, member) DO UPDATE
     SET ${COUNTS.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`;

const BEGUN = countCalls(
  `${window(["intent", "denial"])},
   call AS MATERIALIZED (SELECT begun.* FROM fresh CROSS JOIN trail_call AS begun ON begun.at = fresh.at AND begun.id = fresh.id)`,
  { calls: "count(*)", denied: "sum(call.status IS 'denied')" },
);

const KEEP_EARLY = `
  INSERT OR IGNORE INTO early_outcome (call_id, at, status, error, duration_ms)
  WITH ${window(["outcome"])}
  SELECT ${field("callId")}, at, ${field("status")}, ${field("error")}, ${field("durationMs")} FROM fresh
   WHERE NOT EXISTS (SELECT 1 FROM trail_call WHERE call_id = ${field("callId")})`;

const STOPS = Object.entries(STOPPED).map(
  ([code, ending]) => `WHEN ${quoteText(code)} THEN ${quoteText(ending)}`,
);

const ENDING = `
  CASE outcome.status WHEN 'input_required' THEN 'waiting'
       WHEN 'failed' THEN CASE outcome.error ${STOPS.join(" ")} ELSE 'failed' END ELSE outcome.status END`;

// Outcomes of this window, and earlier ones whose call began in it. The first outcome of a call counts.
const ENDED = `${window(["intent", "denial", "outcome"])},
  outcome AS (
    SELECT ${field("callId")} AS call_id, at, ${field("status")} AS status, ${field("error")} AS error,
           ${field("durationMs")} AS duration_ms FROM fresh WHERE type = 'outcome'
     UNION ALL
    SELECT early.call_id, early.at, early.status, early.error, early.duration_ms
      FROM fresh CROSS JOIN early_outcome AS early ON early.call_id = fresh.event ->> '$.callId'
     WHERE fresh.type <> 'outcome'),
  call AS MATERIALIZED (
    SELECT begun.call_id, outcome.at, begun.chain, begun.client_id, begun.kind, begun.server,
           begun.name, ${ENDING} AS ending, outcome.error, outcome.duration_ms
      FROM outcome CROSS JOIN trail_call AS begun ON begun.call_id = outcome.call_id
     WHERE begun.status IS NULL)`;

const RAN = "call.ending IN ('ok', 'failed')";

const BUCKET_SUMS = BUCKETS.map((name, index): [string, string] => {
  const above = index === 0 ? "" : ` AND call.duration_ms > ${BOUNDS_MS[index - 1]}`;
  const upTo = BOUNDS_MS[index] === undefined ? "" : ` AND call.duration_ms <= ${BOUNDS_MS[index]}`;
  return [name, `sum(${RAN}${above}${upTo})`];
});

const COUNT_ENDED = countCalls(ENDED, {
  ...Object.fromEntries(ENDINGS.map((ending) => [ending, `sum(call.ending = ${quoteText(ending)})`])),
  duration_ms: `sum(iif(${RAN}, call.duration_ms, 0))`,
  ...Object.fromEntries(BUCKET_SUMS),
});

const countReasons = (from: string, kind: string, name: string, where: string) => `
  INSERT INTO reason_figure (grain, kind, at, name, count)
  WITH ${from}, span (grain) AS (VALUES ${Object.values(GRAINS).map((seconds) => `(${seconds})`)})
  SELECT span.grain, ${kind}, ${startOf("call.at")} AS start, ${name} AS name, count(*)
    FROM call CROSS JOIN span WHERE ${where} GROUP BY 1, 2, 3, 4
  ON CONFLICT (grain, kind, at, name) DO UPDATE SET count = count + excluded.count`;

const ERRORS = countReasons(ENDED, "'error'", "call.error", "call.error IS NOT NULL");

const APPROVAL_STEPS = ["requested", "granted", "refused", "expired", "executed", "returned"] as const;
const APPROVAL_TYPES = APPROVAL_STEPS.map((step) => `approval_${step}`);

const REASONS = countReasons(
  `${window(["denial", "sign_in", ...APPROVAL_TYPES])},
   call AS (
     SELECT at, 'denial' AS kind, ${field("decision")} AS name FROM fresh WHERE type = 'denial'
      UNION ALL SELECT at, 'rule', ${field("rule")} FROM fresh WHERE type = 'denial'
      UNION ALL SELECT at, 'sign_in', iif(${field("succeeded")}, 'succeeded', 'failed') FROM fresh WHERE type = 'sign_in'
      UNION ALL SELECT at, 'approval', substr(type, 10) FROM fresh WHERE type LIKE 'approval!_%' ESCAPE '!')`,
  "call.kind",
  "call.name",
  "call.name IS NOT NULL",
);

const END = `
  WITH ${ENDED}
  UPDATE trail_call
     SET (status, error, duration_ms) =
         (SELECT ending, error, duration_ms FROM call WHERE call.call_id = trail_call.call_id)
   WHERE call_id IN (SELECT call_id FROM call)`;

const FORGET_EARLY = `
  DELETE FROM early_outcome WHERE call_id IN (
    WITH ${window(["intent", "denial"])} SELECT ${field("callId")} FROM fresh)`;

const MOVE = `
  UPDATE figure_place SET through = until, until = NULL WHERE until IS NOT NULL
  RETURNING (SELECT max(id) FROM audit_record) > through AS more`;

/** The statements of one window, in their order: one transaction. Only the first has a parameter, the most records. */
export const WINDOW_STATEMENTS = [
  FIX,
  BEGIN,
  BEGUN,
  KEEP_EARLY,
  COUNT_ENDED,
  ERRORS,
  REASONS,
  END,
  FORGET_EARLY,
  MOVE,
] as const;
