-- One row a call, written by the queue consumer from the principals' outboxes. Idempotent by call_id.
CREATE TABLE call_log (
  call_id     TEXT PRIMARY KEY,
  at          INTEGER NOT NULL, -- milliseconds since the epoch
  trace_id    TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  client_id   TEXT NOT NULL,
  session_id  TEXT,
  lane        TEXT NOT NULL,
  kind        TEXT NOT NULL,
  server      TEXT NOT NULL,
  name        TEXT NOT NULL,
  status      TEXT NOT NULL,
  duration_ms INTEGER NOT NULL,
  bytes       INTEGER NOT NULL
) STRICT;

CREATE INDEX call_log_by_user ON call_log (user_id, client_id, at);
CREATE INDEX call_log_by_time ON call_log (at);
