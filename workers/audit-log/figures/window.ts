import { quoteText } from "../../../shared/encoding/quote-text.ts";
import { STOPPED } from "./grains.ts";

const list = (texts: readonly string[]) => texts.map(quoteText).join(", ");

const IS_DUE = "(?2 IS NULL OR ?2 = (SELECT through FROM figure_place))";

/** SQL: a JSON list, and an empty one when the place is no longer `?2`: a batch of `audit_record` counts once. */
export const due = (json: string) => `iif(${IS_DUE}, ${json}, '[]')`;

/** SQL: the number of the first record of the segment with the digest `?3`; 0 without a digest. */
export const SEGMENT_BEGIN = "ifnull((SELECT through - records + 1 FROM audit_segment WHERE digest = ?3), 0)";

/**
 * SQL: the events of a batch, as JSON `?1`, as `fresh`. Numbers count from the first record of the segment with the digest
 * `?3` that the batch became. A batch of `audit_record` counts only while the place is still `?2`, the one before it.
 */
export const window = (types: readonly string[]) => `
  fresh AS MATERIALIZED (
    SELECT value ->> 'id' + ${SEGMENT_BEGIN} AS id,
           value ->> 'chain' AS chain, value ->> 'sequence' AS sequence, value ->> 'at' AS at,
           value ->> 'type' AS type, value ->> 'session' AS session, value -> 'event' AS event
      FROM json_each(?1)
     WHERE value ->> 'type' IN (${list(types)}) AND ${IS_DUE})`;

/** SQL: a field of the event. In brackets: `->>` binds no closer than `||`. */
export const field = (name: string) => `(event ->> '$.${name}')`;

const STOPS = Object.entries(STOPPED).map(
  ([code, ending]) => `WHEN ${quoteText(code)} THEN ${quoteText(ending)}`,
);

/** SQL: how an outcome counts, from `outcome.status` and `outcome.error`; NULL without one. */
export const ENDING = `
  CASE outcome.status WHEN 'input_required' THEN 'waiting'
       WHEN 'failed' THEN CASE outcome.error ${STOPS.join(" ")} ELSE 'failed' END ELSE outcome.status END`;
