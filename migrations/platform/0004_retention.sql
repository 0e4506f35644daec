-- The event of a record stands beside the text that is hashed, which only commits to it: so it can go when its time is
-- over, and the chain still verifies. Records written before (version 1) hold their event in `body`, and `event` is
-- NULL for them; the release before goes on writing them until the new one serves.
DROP INDEX audit_record_by_client;
ALTER TABLE audit_record DROP COLUMN client_id;
ALTER TABLE audit_record DROP COLUMN type;
ALTER TABLE audit_record ADD COLUMN event TEXT; -- canonical JSON (RFC 8785); NULL when it is gone
ALTER TABLE audit_record ADD COLUMN salt TEXT;
ALTER TABLE audit_record ADD COLUMN type TEXT
  GENERATED ALWAYS AS (coalesce(body ->> '$.type', body ->> '$.event.type')) VIRTUAL;
ALTER TABLE audit_record ADD COLUMN client_id TEXT
  GENERATED ALWAYS AS (coalesce(event ->> '$.clientId', body ->> '$.event.clientId')) VIRTUAL;
CREATE INDEX audit_record_by_client ON audit_record (chain, client_id, at) WHERE type = 'intent';
-- What may be past its time; what is to be erased; where a chain may begin with records that are empty.
CREATE INDEX audit_record_by_age ON audit_record (type, at) WHERE event IS NOT NULL;
CREATE INDEX audit_record_full ON audit_record (chain, sequence) WHERE event IS NOT NULL;
CREATE INDEX audit_record_empty ON audit_record (chain, sequence) WHERE event IS NULL;

-- Signed statements of what was removed, chained among themselves. Never removed.
CREATE TABLE audit_removal (
  number    INTEGER PRIMARY KEY, -- 1, 2, 3 …
  body      TEXT NOT NULL,       -- canonical JSON (RFC 8785)
  key_id    TEXT NOT NULL,
  signature TEXT NOT NULL        -- Ed25519 over body, base64url
) STRICT;

-- Where chains begin that lost their beginning. A record from before it that comes late is not taken.
CREATE TABLE audit_cut (
  chain   TEXT PRIMARY KEY,
  through INTEGER NOT NULL -- sequence of the last record that is gone
) STRICT;

-- Who must not lose anything, erasure included. Kept after its end.
CREATE TABLE legal_hold (
  id          INTEGER PRIMARY KEY,
  user_id     TEXT,             -- NULL: everybody
  reason      TEXT NOT NULL,
  at          INTEGER NOT NULL, -- milliseconds since the epoch
  released_at INTEGER
) STRICT;

-- Who was erased: what still arrives of them goes as well.
CREATE TABLE erased_person (
  user_id TEXT PRIMARY KEY,
  at      INTEGER NOT NULL -- milliseconds since the epoch
) STRICT;

-- What administrators did or ask for. Commands reach this database only; the Worker takes the requests up, because it
-- alone reaches the objects. A change and its request are one transaction, so neither is without the other.
CREATE TABLE admin_request (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  kind    TEXT NOT NULL,    -- person_change, hold, data_export, erasure, redrive
  user_id TEXT,
  detail  TEXT NOT NULL,    -- JSON, by kind
  by      TEXT NOT NULL,    -- who asks; `database` when nobody said so
  at      INTEGER NOT NULL, -- milliseconds since the epoch
  tries   INTEGER NOT NULL DEFAULT 0,
  done_at INTEGER,
  outcome TEXT              -- JSON, by kind
) STRICT;
CREATE INDEX admin_request_open ON admin_request (id) WHERE done_at IS NULL;
CREATE INDEX admin_request_done ON admin_request (done_at);

-- Whoever changes a person, by command, page or hand: it is recorded.
CREATE TRIGGER user_added AFTER INSERT ON "user" BEGIN
  INSERT INTO admin_request (kind, user_id, detail, by, at)
  VALUES ('person_change', NEW."id", json_object('change', 'added', 'oldRole', NULL, 'newRole', NEW."role"),
          'database', unixepoch() * 1000);
END;
CREATE TRIGGER user_role_changed AFTER UPDATE OF "role" ON "user" WHEN OLD."role" <> NEW."role" BEGIN
  INSERT INTO admin_request (kind, user_id, detail, by, at)
  VALUES ('person_change', NEW."id", json_object('change', 'role', 'oldRole', OLD."role", 'newRole', NEW."role"),
          'database', unixepoch() * 1000);
END;
CREATE TRIGGER user_disabled_changed AFTER UPDATE OF "disabled" ON "user" WHEN OLD."disabled" <> NEW."disabled" BEGIN
  INSERT INTO admin_request (kind, user_id, detail, by, at)
  VALUES ('person_change', NEW."id",
          json_object('change', iif(NEW."disabled", 'disabled', 'enabled'), 'oldRole', OLD."role", 'newRole', NEW."role"),
          'database', unixepoch() * 1000);
END;
CREATE TRIGGER user_removed AFTER DELETE ON "user" BEGIN
  INSERT INTO admin_request (kind, user_id, detail, by, at)
  VALUES ('person_change', OLD."id", json_object('change', 'removed', 'oldRole', OLD."role", 'newRole', NULL),
          'database', unixepoch() * 1000);
END;

-- Messages that could not be read, with the reason, until a release reads them or somebody looks.
CREATE TABLE dead_letter (
  id       TEXT PRIMARY KEY, -- of the message
  body     TEXT NOT NULL,    -- JSON
  reason   TEXT NOT NULL,
  at       INTEGER NOT NULL, -- milliseconds since the epoch
  tries    INTEGER NOT NULL DEFAULT 0,
  tried_at INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_letter_by_try ON dead_letter (tried_at);
