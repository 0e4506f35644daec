-- What connected systems offer, for kinds whose tools are data. A part is a list of definitions, stored under the SHA-256
-- of its text; the revision of a connection names its parts.
CREATE TABLE definition_part (
  digest     TEXT PRIMARY KEY CHECK (length(digest) = 64),
  document   TEXT NOT NULL,    -- canonical JSON (RFC 8785), at most 900 KB
  created_at INTEGER NOT NULL  -- milliseconds since the epoch
) STRICT;

CREATE TRIGGER definition_part_unchanged BEFORE UPDATE ON definition_part BEGIN
  SELECT RAISE(ABORT, 'Published definitions never change. Publish other ones.');
END;

-- Every definition that was found at a connected system, by content. A new or changed one waits until an administrator
-- approves it; nothing but approved ones is published.
CREATE TABLE connection_definition (
  connection TEXT NOT NULL,
  type       TEXT NOT NULL,    -- tool, resource, template, prompt
  name       TEXT NOT NULL,    -- at the other system
  digest     TEXT NOT NULL CHECK (length(digest) = 64),
  document   TEXT NOT NULL,    -- canonical JSON
  state      TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'replaced', 'withdrawn')),
  found_at   INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL, -- when the other system last offered it
  decided_at INTEGER,
  decided_by TEXT,
  PRIMARY KEY (connection, type, name, digest)
) STRICT;

CREATE UNIQUE INDEX connection_definition_approved ON connection_definition (connection, type, name)
  WHERE state = 'approved';
