-- Drafts of the policy, written in the console. Nothing here is in force: a publication is. Times are milliseconds since the
-- epoch.
CREATE TABLE policy_draft (
  id          TEXT PRIMARY KEY,
  text        TEXT NOT NULL,    -- YAML, as its authors wrote it
  restores    INTEGER,          -- the published version that it is, while it is unchanged
  base        INTEGER NOT NULL, -- the publication in force that its authors have compared it with
  revision    INTEGER NOT NULL, -- counts its changes: who saves or publishes names the one that they have seen
  authors     TEXT NOT NULL CHECK (json_valid(authors)), -- user ids of everyone who wrote in it
  created_at  INTEGER NOT NULL,
  changed_at  INTEGER NOT NULL,
  publication INTEGER           -- that put it in force; NULL for a draft
) STRICT, WITHOUT ROWID;
CREATE INDEX policy_draft_open ON policy_draft (changed_at) WHERE publication IS NULL;
CREATE INDEX policy_draft_published ON policy_draft (publication) WHERE publication IS NOT NULL;

-- Sessions and tasks that are open, for the console. Each lives in its own object, which decides; a row here opens and ends
-- nothing, and one that is missing or late changes nothing.
CREATE TABLE open_session (
  id        TEXT PRIMARY KEY, -- as in the trail
  server    TEXT NOT NULL,    -- path segment of the URL; '' for everything
  person    TEXT NOT NULL,
  client_id TEXT NOT NULL,
  begun_at  INTEGER NOT NULL,
  used_at   INTEGER NOT NULL  -- at most 10 minutes late
) STRICT, WITHOUT ROWID;
CREATE INDEX open_session_by_use ON open_session (used_at, id);
CREATE INDEX open_session_by_person ON open_session (person, used_at);

CREATE TABLE open_task (
  id        TEXT PRIMARY KEY,
  person    TEXT NOT NULL,
  client_id TEXT NOT NULL,
  server    TEXT NOT NULL,
  tool      TEXT NOT NULL,
  begun_at  INTEGER NOT NULL,
  until     INTEGER NOT NULL  -- when it is deleted, whatever became of it
) STRICT, WITHOUT ROWID;
CREATE INDEX open_task_by_begin ON open_task (begun_at, id);
CREATE INDEX open_task_by_person ON open_task (person, begun_at);

-- Alerts that targets are not told of for a while.
CREATE TABLE alert_silence (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  kind     TEXT NOT NULL,
  subject  TEXT,             -- NULL for every subject of the kind
  reason   TEXT NOT NULL,
  by       TEXT NOT NULL,    -- user id
  at       INTEGER NOT NULL,
  until    INTEGER NOT NULL, -- brought forward when a person ends it
  ended_by TEXT
) STRICT;
CREATE INDEX alert_silence_by_end ON alert_silence (until);

-- Which tools a person has ever called, to notice a new one. Filled from the calls that the trail still has.
CREATE TABLE known_use (
  chain    TEXT NOT NULL,
  name     TEXT NOT NULL,
  first_at INTEGER NOT NULL,
  PRIMARY KEY (chain, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_use_by_time ON known_use (first_at);
INSERT INTO known_use (chain, name, first_at) SELECT chain, name, min(at) FROM trail_call GROUP BY chain, name;

-- What ends with an account.
CREATE TRIGGER user_work_forgotten AFTER DELETE ON "user" BEGIN
  DELETE FROM open_session WHERE person = OLD."id";
  DELETE FROM open_task WHERE person = OLD."id";
  DELETE FROM known_use WHERE chain = OLD."id";
END;
