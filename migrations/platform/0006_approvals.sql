-- What the approvals page lists: who asked, for which tool, how far it is. Written by the Principal objects, which
-- decide; a row here grants nothing. Arguments stay there. Times are milliseconds since the epoch.
CREATE TABLE approval (
  id            TEXT PRIMARY KEY,
  requester     TEXT NOT NULL, -- user id
  client_id     TEXT NOT NULL,
  server        TEXT NOT NULL,
  tool          TEXT NOT NULL,
  state         TEXT NOT NULL, -- pending, approved, refused, expired, executed, returned
  self_approval INTEGER NOT NULL,
  asked_at      INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  decided_by    TEXT,          -- user id
  touched_at    INTEGER NOT NULL,
  revision      INTEGER NOT NULL
) STRICT;

CREATE INDEX approval_waiting ON approval (asked_at, id) WHERE state = 'pending';
CREATE INDEX approval_by_requester ON approval (requester, asked_at, id);
CREATE INDEX approval_ended ON approval (touched_at) WHERE state NOT IN ('pending', 'approved');
