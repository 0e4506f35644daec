import { quoteText } from "../../../shared/encoding/quote-text.ts";
import { ENDED } from "./call-entries.ts";
import { BOUNDS_MS, BUCKETS, COUNTS, DIMENSIONS, ENDINGS, GRAINS } from "./grains.ts";
import { DAYS_UNTIL } from "./uses.ts";
import { due, field, window } from "./window.ts";

const SPANS = Object.entries(DIMENSIONS).flatMap(([dimension, grains]) =>
  grains.map((grain) => `(${quoteText(dimension)}, ${GRAINS[grain]}, 0)`),
);

/** Every span that a call counts in. The last ones are for a call of a day whose counts have been written already. */
const SPAN = `span (dimension, grain, late) AS (VALUES ${SPANS.join(", ")}, ('person', ${GRAINS.day}, 1), ('app', ${GRAINS.day}, 1))`;

const startOf = (at: string) => `iif(span.grain = 0, 0, ${at} - ${at} % (1000 * max(span.grain, 1)))`;

const isErased = (person: string) => `EXISTS (SELECT 1 FROM erased_person WHERE user_id = ${person})`;
const IS_ERASED = isErased("call.chain");

const DAY_MS = 1_000 * GRAINS.day;

const COLUMNS = COUNTS.join(", ");
const ADD_UP = `
  ON CONFLICT (grain, dimension, at, member) DO UPDATE
     SET ${COUNTS.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`;

const MEMBER = `
  CASE span.dimension WHEN 'all' THEN '' WHEN 'person' THEN call.chain
       WHEN 'app' THEN call.client_id WHEN 'use' THEN iif(${IS_ERASED}, '', call.chain) || ' ' || call.client_id ELSE call.kind || ' ' || call.server || ' ' || call.name END`;

const countCalls = (from: string, sums: Readonly<Record<string, string>>) => `
  INSERT INTO call_figure (grain, dimension, at, member, ${COLUMNS})
  WITH ${from}, ${SPAN}
  SELECT span.grain, span.dimension, ${startOf("call.at")} AS start, ${MEMBER} AS member,
         ${COUNTS.map((name) => sums[name] ?? "0").join(", ")}
    FROM part AS call CROSS JOIN span
   WHERE (span.late = 0 OR call.at < ${DAYS_UNTIL}) AND NOT (span.dimension = 'person' AND ${IS_ERASED})
   GROUP BY span.grain, span.dimension, start, member ${ADD_UP}`;

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

/** SQL: values of a row that {@link sumCalls} made. */
const SUMS = COUNTS.map((_name, place) => `value ->> ${place + 5}`).join(", ");

/**
 * SQL: adds rows of counts: `oldest`, the time of their first call, and `rows`, as JSON `?1`. Rows of `use` of a day whose counts
 * have been written already count in its rows too.
 */
export const COUNT_SUMS = `
  INSERT INTO call_figure (grain, dimension, at, member, ${COLUMNS})
  SELECT value ->> 0, value ->> 1, value ->> 2,
         iif(value ->> 4 IS NULL, value ->> 3, iif(${isErased("value ->> 4")}, '', value ->> 4) || ' ' || (value ->> 3)), ${SUMS}
    FROM json_each(${due("?1 -> 'rows'")})
   UNION ALL
  SELECT ${GRAINS.day}, half.dimension, (value ->> 2) - (value ->> 2) % ${DAY_MS}, value ->> half.place, ${SUMS}
    FROM json_each(iif(?1 ->> 'oldest' < ${DAYS_UNTIL}, ${due("?1 -> 'rows'")}, '[]'))
   CROSS JOIN (SELECT 'person' AS dimension, 4 AS place UNION ALL SELECT 'app', 3) AS half
   WHERE value ->> 1 = 'use' AND value ->> 2 < ${DAYS_UNTIL} AND NOT (half.place = 4 AND ${isErased("value ->> 4")}) ${ADD_UP}`;

const GRAIN = `span (grain) AS (VALUES ${Object.values(GRAINS)
  .map((seconds) => `(${seconds})`)
  .join(", ")})`;
const ADD_COUNT = "ON CONFLICT (grain, kind, at, name) DO UPDATE SET count = count + excluded.count";

const ERRORS = `
  INSERT INTO reason_figure (grain, kind, at, name, count)
  WITH ${ENDED}, ${GRAIN}
  SELECT span.grain, 'error', ${startOf("call.at")} AS start, call.error, count(*)
    FROM call CROSS JOIN span WHERE call.error IS NOT NULL GROUP BY 1, 2, 3, 4
  ${ADD_COUNT}`;

/** SQL: adds what happened how often: `[kind, name, minute, count]`, as JSON `?1`. */
export const WRITE_REASONS = `
  INSERT INTO reason_figure (grain, kind, at, name, count)
  WITH ${GRAIN}
  SELECT span.grain, value ->> 0, ${startOf("(value ->> 2)")}, value ->> 1, value ->> 3
    FROM json_each(${due("?1")}) CROSS JOIN span WHERE true
  ${ADD_COUNT}`;

// One row written a day for a person who stays where they are.
/** SQL: notes from where people call: `[person, app, country, first, last]`, as JSON `?1`. No one who was erased. */
export const LEARN_COUNTRIES = `
  INSERT INTO known_country (dimension, member, country, first_at, last_at)
  SELECT half.dimension, value ->> half.place, value ->> 2, value ->> 3, value ->> 4 FROM json_each(${due("?1")})
   CROSS JOIN (SELECT 'person' AS dimension, 0 AS place UNION ALL SELECT 'app', 1) AS half
   WHERE NOT ${isErased("value ->> 0")}
  ON CONFLICT (dimension, member, country) DO UPDATE SET last_at = excluded.last_at
   WHERE excluded.last_at > last_at + ${DAY_MS}`;

/** The statements that count calls of which a part came in another batch. Each takes the parameters of {@link window}. */
export const COUNT_REST = [COUNT_CALLS, ERRORS] as const;
