import { quoteText } from "../../../shared/encoding/quote-text.ts";
import { BEGIN_CALLS, END_CALLS, ENDED } from "./call-entries.ts";
import { BOUNDS_MS, BUCKETS, COUNTS, DIMENSIONS, ENDINGS, GRAINS } from "./grains.ts";
import { DAYS_UNTIL } from "./uses.ts";
import { field, window } from "./window.ts";

const SPANS = Object.entries(DIMENSIONS).flatMap(([dimension, grains]) =>
  grains.map((grain) => `(${quoteText(dimension)}, ${GRAINS[grain]}, 0)`),
);

/** Every span that a call counts in. The last ones are for a call of a day whose counts have been written already. */
const SPAN = `span (dimension, grain, late) AS (VALUES ${SPANS.join(", ")}, ('person', ${GRAINS.day}, 1), ('app', ${GRAINS.day}, 1))`;

const startOf = (at: string) => `iif(span.grain = 0, 0, ${at} - ${at} % (1000 * max(span.grain, 1)))`;

const IS_ERASED = "EXISTS (SELECT 1 FROM erased_person WHERE user_id = call.chain)";

const MEMBER = `
  CASE span.dimension WHEN 'all' THEN '' WHEN 'server' THEN call.server WHEN 'person' THEN call.chain
       WHEN 'app' THEN call.client_id WHEN 'use' THEN iif(${IS_ERASED}, '', call.chain) || ' ' || call.client_id ELSE call.kind || ' ' || call.server || ' ' || call.name END`;

const countCalls = (from: string, sums: Readonly<Record<string, string>>) => `
  INSERT INTO call_figure (grain, dimension, at, member, ${COUNTS.join(", ")})
  WITH ${from}, ${SPAN}
  SELECT span.grain, span.dimension, ${startOf("call.at")} AS start, ${MEMBER} AS member,
         ${COUNTS.map((name) => sums[name] ?? "0").join(", ")}
    FROM part AS call CROSS JOIN span
   WHERE (span.late = 0 OR call.at < ${DAYS_UNTIL}) AND NOT (span.dimension = 'person' AND ${IS_ERASED})
   GROUP BY span.grain, span.dimension, start, member
  ON CONFLICT (grain, dimension, at, member) DO UPDATE
     SET ${COUNTS.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`;

const RAN = "call.ending IN ('ok', 'failed')";

const BUCKET_SUMS = BUCKETS.map((name, index): [string, string] => {
  const above = index === 0 ? "" : ` AND call.duration_ms > ${BOUNDS_MS[index - 1]}`;
  const upTo = BOUNDS_MS[index] === undefined ? "" : ` AND call.duration_ms <= ${BOUNDS_MS[index]}`;
  return [name, `sum(${RAN}${above}${upTo})`];
});

/** What begins and what ends, in one row of each span. A denial of a call that was begun before is no other call. */
const COUNTED = `${ENDED},
  part AS MATERIALIZED (
    SELECT fresh.at, fresh.chain, ${field("clientId")} AS client_id, ${field("kind")} AS kind, ${field("server")} AS server,
           ${field("name")} AS name, 1 AS begun, iif(fresh.type = 'denial', 'denied', '') AS ending, 0 AS duration_ms
      FROM fresh CROSS JOIN call_entry ON call_entry.at = fresh.at AND call_entry.id = fresh.id
     WHERE fresh.type <> 'outcome'
     UNION ALL
    SELECT at, chain, client_id, kind, server, name, 0, ending, duration_ms FROM call)`;

const COUNT_CALLS = countCalls(COUNTED, {
  calls: "sum(call.begun)",
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

const DAY_MS = 24 * 60 * 60_000;

/** The country of a call; none for what Cloudflare does not know (XX), and for Tor (T1), which is no place. */
const COUNTRY = `iif(${field("country")} IN ('XX', 'T1'), NULL, ${field("country")})`;

// Admitted calls alone: one that is refused would make its country a known one. One row written a day for a person who stays
// where they are.
const LEARN_COUNTRIES = `
  INSERT INTO known_country (dimension, member, country, first_at, last_at)
  WITH ${window(["intent"])}, seen AS MATERIALIZED (
    SELECT chain, ${field("clientId")} AS client_id, ${COUNTRY} AS country, at FROM fresh
     WHERE NOT EXISTS (SELECT 1 FROM erased_person WHERE user_id = chain))
  SELECT dimension, member, country, min(at), max(at) FROM (
    SELECT 'person' AS dimension, chain AS member, country, at FROM seen
     UNION ALL SELECT 'app', client_id, country, at FROM seen)
   WHERE length(country) = 2
   GROUP BY 1, 2, 3
  ON CONFLICT (dimension, member, country) DO UPDATE SET last_at = excluded.last_at
   WHERE excluded.last_at > last_at + ${DAY_MS}`;

/**
 * The statements that count a batch of events, in their order, within one transaction. Each has three parameters: the events
 * as JSON (`id`, `chain`, `sequence`, `at`, `type`, `session`, `event`); the place before them, or NULL; and the digest of their
 * segment, or NULL.
 */
export const COUNT_STATEMENTS = [
  ...BEGIN_CALLS,
  COUNT_CALLS,
  ERRORS,
  REASONS,
  LEARN_COUNTRIES,
  ...END_CALLS,
] as const;
