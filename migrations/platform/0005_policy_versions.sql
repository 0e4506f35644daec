-- Published versions of the policy. Version 1 is what came with the deployment and has no row here; an empty table
-- means that it is in force. A version never changes: what a record or an approval refers to can always be read.
CREATE TABLE policy_version (
  number       INTEGER PRIMARY KEY CHECK (number >= 2), -- 2, 3 …
  document     TEXT NOT NULL,                           -- canonical JSON (RFC 8785)
  digest       TEXT NOT NULL,                           -- SHA-256 of document, hexadecimal
  published_at INTEGER NOT NULL,                        -- milliseconds since the epoch
  published_by TEXT NOT NULL,
  note         TEXT NOT NULL
) STRICT;

CREATE TRIGGER policy_version_unchanged BEFORE UPDATE ON policy_version BEGIN
  SELECT RAISE(ABORT, 'A published policy never changes. Publish another version.');
END;
CREATE TRIGGER policy_version_kept BEFORE DELETE ON policy_version BEGIN
  SELECT RAISE(ABORT, 'A published policy is never removed.');
END;

-- What was put in force, and when: the newest row is in force. Who publishes names the row's number, one more than the
-- newest that they have seen, so of two at the same time one fails. Going back is one more row.
CREATE TABLE policy_publication (
  id       INTEGER PRIMARY KEY, -- 1, 2, 3 …
  version  INTEGER NOT NULL,    -- 1, or the number of a policy_version
  digest   TEXT,                -- that version's; NULL for 1
  replaced INTEGER NOT NULL,    -- the version that was in force before
  at       INTEGER NOT NULL,    -- milliseconds since the epoch
  by       TEXT NOT NULL,
  note     TEXT NOT NULL,
  recorded INTEGER NOT NULL DEFAULT 0 -- 1 once the audit trail has it
) STRICT;
CREATE INDEX policy_publication_to_record ON policy_publication (id) WHERE recorded = 0;

CREATE TRIGGER policy_publication_exists BEFORE INSERT ON policy_publication
  WHEN NEW.version <> 1
   AND NOT EXISTS (SELECT 1 FROM policy_version WHERE number = NEW.version AND digest = NEW.digest) BEGIN
  SELECT RAISE(ABORT, 'There is no such version of the policy.');
END;
CREATE TRIGGER policy_publication_in_order BEFORE INSERT ON policy_publication
  WHEN NEW.id <> (SELECT coalesce(max(id), 0) + 1 FROM policy_publication) BEGIN
  SELECT RAISE(ABORT, 'Another policy was published meanwhile.');
END;
CREATE TRIGGER policy_publication_unchanged BEFORE UPDATE OF id, version, digest, replaced, at, by, note
  ON policy_publication BEGIN
  SELECT RAISE(ABORT, 'What was put in force stays on record.');
END;
CREATE TRIGGER policy_publication_kept BEFORE DELETE ON policy_publication BEGIN
  SELECT RAISE(ABORT, 'What was put in force stays on record.');
END;
