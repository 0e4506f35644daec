import { due, ENDING, field, SEGMENT_BEGIN, window } from "./window.ts";

/** SQL: the number of a word. */
export const wordOf = (text: string) => `(SELECT id FROM trail_word WHERE word = ${text})`;
/** SQL: the word of a number. */
export const textOf = (number: string) => `(SELECT word FROM trail_word WHERE id = ${number})`;

/** SQL: the bytes of hexadecimal digits; of a text that has none the text's own. */
export const packHex = (text: string) => `ifnull(unhex(${text}), CAST(${text} AS BLOB))`;
/** SQL: a call id as it is stored. */
const packId = (text: string) =>
  `iif(length(${text}) = 36, ifnull(unhex(replace(${text}, '-', '')), ${text}), ${text})`;
/** SQL: a call id as it is written. */
export const unpackId = (column: string) => {
  const hex = `lower(hex(${column}))`;
  const parts = [
    [1, 8],
    [9, 4],
    [13, 4],
    [17, 4],
    [21, 12],
  ].map(([start, length]) => `substr(${hex}, ${start}, ${length})`);
  return `iif(typeof(${column}) = 'blob', ${parts.join(" || '-' || ")}, ${column})`;
};

/** SQL: the bytes of a trace by which its block finds it. */
export const traceKey = (packed: string) => `unhex(substr(hex(${packed}) || '00000000', 1, 8))`;

const OPERATION = `${field("kind")} || ' ' || ${field("server")} || ' ' || ${field("name")}`;

const words = (type: string, text: string) => `SELECT ${text} AS word FROM fresh WHERE type ${type}`;

const WORDS = `
  INSERT INTO trail_word (word)
  WITH ${window(["intent", "denial", "outcome"])}
  SELECT said.word FROM (
    ${words("<> 'outcome'", "chain")} UNION ${words("<> 'outcome'", field("clientId"))}
    UNION ${words("<> 'outcome'", OPERATION)} UNION ${words("<> 'outcome'", field("rule"))}
    UNION ${words("= 'outcome'", field("error"))}) AS said
   WHERE said.word IS NOT NULL AND NOT EXISTS (SELECT 1 FROM trail_word AS known WHERE known.word = said.word)
  ON CONFLICT (word) DO NOTHING`;

/** SQL: the ends of calls that are known here: of this window, and earlier ones whose call begins in it. The first counts. */
const OUTCOME = `
  outcome AS MATERIALIZED (
    SELECT call_id, min(at) AS at, status, error, duration_ms FROM (
      SELECT ${field("callId")} AS call_id, at, ${field("status")} AS status, ${field("error")} AS error,
             ${field("durationMs")} AS duration_ms FROM fresh WHERE type = 'outcome'
       UNION ALL
      SELECT early.call_id, early.at, early.status, early.error, early.duration_ms
        FROM fresh CROSS JOIN early_outcome AS early ON early.call_id = fresh.event ->> '$.callId'
       WHERE fresh.type <> 'outcome')
     GROUP BY call_id)`;

/** SQL: where the call of an event began, for calls that an earlier window or this one began. */
const placesOf = (type: string) => `
  SELECT ${field("callId")} AS call_id, at, id FROM fresh WHERE type = 'intent'
   UNION ALL
  SELECT open.call_id, open.at, open.id
    FROM fresh CROSS JOIN open_call AS open ON open.call_id = fresh.event ->> '$.callId' WHERE fresh.type = '${type}'`;

const isKnown = (callId: string) => `
  (${callId} IN (SELECT begun.event ->> '$.callId' FROM fresh AS begun
                 WHERE begun.type = 'intent' AND begun.event ->> '$.callId' IS NOT NULL)
    OR EXISTS (SELECT 1 FROM open_call AS open WHERE open.call_id = ${callId}))`;

const BEGIN = `
  INSERT INTO call_entry (at, id, call_id, person, sequence, trace, session, app, operation, decision, rule, status,
                          error, duration_ms)
  WITH ${window(["intent", "denial", "outcome"])}, ${OUTCOME}
  SELECT fresh.at, fresh.id, ${packId(field("callId"))}, ${wordOf("fresh.chain")}, fresh.sequence,
         ${packHex(field("traceId"))}, fresh.session, ${wordOf(field("clientId"))}, ${wordOf(OPERATION)},
         ${field("decision")}, ${wordOf(field("rule"))}, iif(fresh.type = 'denial', 'denied', ${ENDING}),
         ${wordOf("outcome.error")}, outcome.duration_ms
    FROM fresh LEFT JOIN outcome ON fresh.type = 'intent' AND outcome.call_id = ${field("callId")}
   WHERE fresh.type = 'intent' OR (fresh.type = 'denial' AND NOT ${isKnown("fresh.event ->> '$.callId'")})`;

/** {@link traceKey} of a trace as it is written: hexadecimal digits. */
export function traceOf(trace: string): string {
  const hex = /^(?:[0-9a-f]{2})*$/i.test(trace)
    ? trace
    : [...new TextEncoder().encode(trace)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex}00000000`.slice(0, 8);
}

// One row for all calls of a batch: an index has one for each.
/** SQL: writes which traces a batch has: `last`, `first`, `at`, `until` and the traces' digits, as JSON `?1`. */
export const WRITE_TRACES = `
  INSERT INTO trace_block (last, first, at, until, traces)
  SELECT value ->> 'last' + ${SEGMENT_BEGIN}, value ->> 'first' + ${SEGMENT_BEGIN}, value ->> 'at', value ->> 'until',
         unhex(value ->> 'traces') FROM json_each(${due("json_array(json(?1))")}) WHERE true
  ON CONFLICT (last) DO NOTHING`;

/** SQL: numbers the words of `?1` that have no number yet. Words stay. */
export const ADD_WORDS = `
  INSERT INTO trail_word (word) SELECT value FROM json_each(${due("?1")})
   WHERE NOT EXISTS (SELECT 1 FROM trail_word AS known WHERE known.word = value) ON CONFLICT (word) DO NOTHING`;

/** SQL: writes the rows of whole calls; what many of them share is looked up once. */
export const ENTER_CALLS = `
  INSERT INTO call_entry (at, id, call_id, person, sequence, trace, session, app, operation, decision, rule, status,
                          error, duration_ms)
  WITH shared AS MATERIALIZED (
    SELECT ${wordOf("value ->> 0")} AS person, ${wordOf("value ->> 1")} AS app, ${wordOf("value ->> 2")} AS operation,
           ${wordOf("value ->> 3")} AS rule, iif(value ->> 4 IS NULL, NULL, ${wordOf("value ->> 4")}) AS error,
           value -> 5 AS calls FROM json_each(${due("?1")}))
  SELECT value ->> 0, value ->> 1 + ${SEGMENT_BEGIN}, ${packId("(value ->> 2)")}, person, value ->> 3,
         ${packHex("(value ->> 4)")}, value ->> 5, app, operation, value ->> 6, rule, value ->> 7, error, value ->> 8
    FROM shared CROSS JOIN json_each(shared.calls)`;

// A call that was admitted and then denied: the rule that denied it is the newer one.
const DENY = `
  WITH ${window(["intent", "denial"])}, place AS (${placesOf("denial")}),
  denied AS MATERIALIZED (
    SELECT place.at, place.id, ${field("decision")} AS decision, ${wordOf(field("rule"))} AS rule
      FROM fresh CROSS JOIN place ON place.call_id = ${field("callId")} WHERE fresh.type = 'denial')
  UPDATE call_entry
     SET (decision, rule) = (SELECT decision, rule FROM denied WHERE denied.at = call_entry.at AND denied.id = call_entry.id)
   WHERE (at, id) IN (SELECT at, id FROM denied)`;

/** SQL: the calls that end here, with what they are counted by, as `call`. */
export const ENDED = `${window(["intent", "denial", "outcome"])}, ${OUTCOME},
  begun AS MATERIALIZED (
    SELECT ${field("callId")} AS call_id, chain, ${field("clientId")} AS client_id, ${field("kind")} AS kind,
           ${field("server")} AS server, ${field("name")} AS name FROM fresh WHERE type = 'intent'
     UNION ALL
    SELECT open.call_id, open.chain, open.client_id, open.kind, open.server, open.name
      FROM fresh CROSS JOIN open_call AS open ON open.call_id = fresh.event ->> '$.callId' WHERE fresh.type = 'outcome'),
  call AS MATERIALIZED (
    SELECT outcome.at, begun.chain, begun.client_id, begun.kind, begun.server, begun.name, ${ENDING} AS ending,
           outcome.error, outcome.duration_ms
      FROM outcome CROSS JOIN begun ON begun.call_id = outcome.call_id)`;

const END = `
  WITH ${window(["outcome"])},
  outcome AS (SELECT ${field("callId")} AS call_id, ${field("status")} AS status, ${field("error")} AS error,
                     ${field("durationMs")} AS duration_ms FROM fresh),
  ended AS MATERIALIZED (
    SELECT open.at, open.id, ${ENDING} AS status, ${wordOf("outcome.error")} AS error, outcome.duration_ms
      FROM outcome CROSS JOIN open_call AS open ON open.call_id = outcome.call_id)
  UPDATE call_entry
     SET (status, error, duration_ms) =
         (SELECT status, error, duration_ms FROM ended WHERE ended.at = call_entry.at AND ended.id = call_entry.id)
   WHERE (at, id) IN (SELECT at, id FROM ended)`;

const KEEP_EARLY = `
  INSERT OR IGNORE INTO early_outcome (call_id, at, status, error, duration_ms)
  WITH ${window(["intent", "outcome"])}
  SELECT ${field("callId")}, at, ${field("status")}, ${field("error")}, ${field("durationMs")} FROM fresh
   WHERE type = 'outcome' AND NOT ${isKnown("fresh.event ->> '$.callId'")}`;

const OPEN = `
  INSERT OR IGNORE INTO open_call (call_id, at, id, chain, client_id, kind, server, name)
  WITH ${window(["intent", "denial", "outcome"])}, ${OUTCOME}
  SELECT ${field("callId")}, at, id, chain, ${field("clientId")}, ${field("kind")}, ${field("server")}, ${field("name")}
    FROM fresh WHERE type = 'intent' AND ${field("callId")} NOT IN (SELECT call_id FROM outcome)`;

const forget = (table: string, type: string) => `
  DELETE FROM ${table} WHERE call_id IN (
    WITH ${window([type])} SELECT ${field("callId")} FROM fresh)`;

/** The statements before a window is counted: rows of the calls that begin. */
export const BEGIN_CALLS = [WORDS, BEGIN, DENY] as const;

/** The statements after it: ends of calls that began earlier, and what waits for the other half. */
export const END_CALLS = [
  KEEP_EARLY,
  END,
  OPEN,
  forget("early_outcome", "intent"),
  forget("open_call", "outcome"),
] as const;

/** Statements that move rows of the release before out of `trail_call`: with `operation` and `session`, as JSON `?1`. */
export const TAKE_OVER = [
  `INSERT INTO trail_word (word)
   SELECT word FROM (
     SELECT value ->> 'chain' AS word FROM json_each(?1) UNION SELECT value ->> 'client_id' FROM json_each(?1)
      UNION SELECT value ->> 'operation' FROM json_each(?1) UNION SELECT value ->> 'rule' FROM json_each(?1)
      UNION SELECT value ->> 'error' FROM json_each(?1)) WHERE word IS NOT NULL
   ON CONFLICT (word) DO NOTHING`,
  `INSERT OR IGNORE INTO call_entry (at, id, call_id, person, sequence, trace, session, app, operation, decision, rule,
                                     status, error, duration_ms)
   SELECT value ->> 'at', value ->> 'id', ${packId("(value ->> 'call_id')")}, ${wordOf("value ->> 'chain'")},
          value ->> 'sequence', ${packHex("value ->> 'trace_id'")}, value ->> 'session',
          ${wordOf("value ->> 'client_id'")}, ${wordOf("value ->> 'operation'")}, value ->> 'decision',
          ${wordOf("value ->> 'rule'")}, value ->> 'status', ${wordOf("value ->> 'error'")}, value ->> 'duration_ms'
     FROM json_each(?1)`,
  `INSERT INTO trace_block (last, first, at, until, traces)
   SELECT max(value ->> 'id'), min(value ->> 'id'), min(value ->> 'at'), max(value ->> 'at'),
          unhex(group_concat(hex(${traceKey(packHex("(value ->> 'trace_id')"))}), '')) FROM json_each(?1)
   HAVING count(*) > 0
   ON CONFLICT (last) DO NOTHING`,
  `INSERT OR IGNORE INTO open_call (call_id, at, id, chain, client_id, kind, server, name)
   SELECT value ->> 'call_id', value ->> 'at', value ->> 'id', value ->> 'chain', value ->> 'client_id',
          value ->> 'kind', value ->> 'server', value ->> 'name'
     FROM json_each(?1) WHERE value ->> 'status' IS NULL`,
  `DELETE FROM trail_call WHERE (at, id) IN (SELECT value ->> 'at', value ->> 'id' FROM json_each(?1))`,
] as const;
