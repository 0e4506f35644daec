-- Which standing approvals there are, for the pages. Each lives in its requester's Principal object, which decides; a row
-- here grants nothing. Times are milliseconds since the epoch.
CREATE TABLE standing_approval (
  id         TEXT PRIMARY KEY,
  requester  TEXT NOT NULL, -- user id
  tool       TEXT NOT NULL,
  by         TEXT NOT NULL, -- user id
  made_at    INTEGER NOT NULL,
  until      INTEGER NOT NULL
) STRICT;
CREATE INDEX standing_approval_by_end ON standing_approval (until, id);
CREATE INDEX standing_approval_by_requester ON standing_approval (requester);
