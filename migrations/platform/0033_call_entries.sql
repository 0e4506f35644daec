-- One narrow row a call, to search by; it takes the place of trail_call, which the release before goes on writing until the
-- new one serves. Rows move from there in the background. Times are milliseconds since the epoch.

-- Texts that many rows have: people, apps, operations (`tool crm crm_find_contacts`), rules, error codes.
CREATE TABLE trail_word (
  id   INTEGER PRIMARY KEY,
  word TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE call_entry (
  at          INTEGER NOT NULL,
  id          INTEGER NOT NULL, -- arrival number of the record that began it
  call_id     ANY NOT NULL,     -- 16 bytes of a UUID; any other id as text
  person      INTEGER NOT NULL, -- trail_word
  sequence    INTEGER NOT NULL,
  trace       BLOB NOT NULL,    -- 16 bytes
  session     INTEGER,          -- 48 bits of the SHA-256 of its id: enough to tell two of one person apart
  app         INTEGER NOT NULL, -- trail_word
  operation   INTEGER NOT NULL, -- trail_word
  decision    TEXT NOT NULL,    -- allow, deny, scope, mfa
  rule        INTEGER NOT NULL, -- trail_word
  status      TEXT,             -- ok, failed, denied, limited, waiting, unknown; NULL while it runs
  error       INTEGER,          -- trail_word
  duration_ms INTEGER,
  PRIMARY KEY (at, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_entry_by_person ON call_entry (person, at, id);
CREATE INDEX call_entry_by_trace ON call_entry (trace);

-- Calls whose end was not in the segment of their beginning.
CREATE TABLE open_call (
  call_id   TEXT PRIMARY KEY,
  at        INTEGER NOT NULL,
  id        INTEGER NOT NULL, -- call_entry
  chain     TEXT NOT NULL,
  client_id TEXT NOT NULL,
  kind      TEXT NOT NULL,
  server    TEXT NOT NULL,
  name      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
