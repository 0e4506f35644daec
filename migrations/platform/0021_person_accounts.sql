-- Who has connected an account of their own at which connection. The tokens are in the person's object, sealed; this says
-- who is connected, to administrators, and what an erasure has to end.
CREATE TABLE person_account (
  connection TEXT NOT NULL,
  user_id    TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('connected', 'reconnect')),
  changed_at INTEGER NOT NULL, -- milliseconds since the epoch
  PRIMARY KEY (user_id, connection)
) STRICT, WITHOUT ROWID;
