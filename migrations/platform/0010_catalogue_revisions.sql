-- What servers with definitions that are data offer. A revision is one server's definitions, stored under the SHA-256 of
-- their text; a set says which revision of which server is in force, stored the same way. A publication names a policy
-- and a set, so both come into force and go back together.
CREATE TABLE catalogue_revision (
  digest     TEXT PRIMARY KEY, -- SHA-256 of document, hexadecimal
  server     TEXT NOT NULL,
  document   TEXT NOT NULL,    -- canonical JSON (RFC 8785)
  created_at INTEGER NOT NULL  -- milliseconds since the epoch
) STRICT;

CREATE TABLE catalogue_set (
  digest     TEXT PRIMARY KEY, -- SHA-256 of document, hexadecimal
  document   TEXT NOT NULL,    -- canonical JSON: { "<server>": "<digest of its revision>" }
  created_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER catalogue_revision_unchanged BEFORE UPDATE ON catalogue_revision BEGIN
  SELECT RAISE(ABORT, 'A catalogue revision never changes. Publish another one.');
END;
CREATE TRIGGER catalogue_set_unchanged BEFORE UPDATE ON catalogue_set BEGIN
  SELECT RAISE(ABORT, 'A catalogue set never changes. Publish another one.');
END;

-- NULL: no server has published definitions.
ALTER TABLE policy_publication ADD COLUMN catalogues TEXT;

CREATE TRIGGER policy_publication_catalogues BEFORE INSERT ON policy_publication
  WHEN NEW.catalogues IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM catalogue_set WHERE digest = NEW.catalogues) BEGIN
  SELECT RAISE(ABORT, 'There is no such catalogue set.');
END;
CREATE TRIGGER policy_publication_catalogues_unchanged BEFORE UPDATE OF catalogues ON policy_publication BEGIN
  SELECT RAISE(ABORT, 'What was put in force stays on record.');
END;
