-- Writes of connections that their callers named by a key. A key belongs to one person and connection. Times are
-- milliseconds since the epoch.
CREATE TABLE connection_write (
  user_id    TEXT NOT NULL,
  connection TEXT NOT NULL,
  key        TEXT NOT NULL,
  tool       TEXT NOT NULL,
  digest     TEXT NOT NULL,    -- SHA-256 of the arguments
  state      TEXT NOT NULL,    -- SHA-256 of the place and the statement
  call       TEXT NOT NULL,    -- the request that carries it out
  outcome    TEXT,             -- sealed; NULL while it runs, and if it is not known
  ends_at    INTEGER NOT NULL, -- a call without an outcome is not running any more then
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, connection, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX connection_write_by_age ON connection_write (created_at);
