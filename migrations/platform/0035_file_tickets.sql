-- Files that go between a person and a connected system without passing a model. The ticket of an address is stored as its
-- SHA-256; the contents are in R2 at files/<id>. Times are milliseconds since the epoch.
CREATE TABLE file_ticket (
  id         TEXT PRIMARY KEY,
  digest     TEXT UNIQUE,      -- NULL until the ticket is given out
  user_id    TEXT NOT NULL,
  connection TEXT NOT NULL,
  direction  TEXT NOT NULL,    -- in: to the connected system; out: from it
  state      TEXT NOT NULL,    -- open, storing, stored, used
  name       TEXT NOT NULL,
  media_type TEXT NOT NULL,
  bytes      INTEGER NOT NULL, -- 0 until it is stored
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX file_ticket_by_end ON file_ticket (expires_at);
CREATE INDEX file_ticket_by_user ON file_ticket (user_id);
