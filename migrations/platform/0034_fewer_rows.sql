-- One row for a person's hour with an app takes the place of four: counts by person and by app are sums of them. What days
-- have is written once, when a day (UTC) is over: days before `until` have rows of their own, by person and by app.
CREATE TABLE figure_days (
  one   INTEGER PRIMARY KEY CHECK (one = 1),
  until INTEGER NOT NULL -- milliseconds since the epoch, the beginning of a day
) STRICT;
INSERT INTO figure_days (one, until) VALUES (1, 0);

-- Calls by trace: in place of an entry of an index for each call, one row for each batch that was stored.
CREATE TABLE trace_block (
  last   INTEGER PRIMARY KEY, -- arrival number of its newest call
  first  INTEGER NOT NULL,
  at     INTEGER NOT NULL,    -- of its oldest and its newest call, milliseconds since the epoch
  until  INTEGER NOT NULL,
  traces BLOB NOT NULL        -- the first four bytes of the trace of each call
) STRICT;
INSERT INTO trace_block (last, first, at, until, traces)
SELECT max(id), min(id), min(at), max(at), unhex(group_concat(substr(hex(trace) || '00000000', 1, 8), ''))
  FROM call_entry GROUP BY id / 500;
DROP INDEX call_entry_by_trace;
