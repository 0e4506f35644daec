-- API keys of people, for agents without a browser. What a key may do is fixed when it is made: another one is made for
-- other rights. Times are milliseconds since the epoch. A key that is revoked is deleted; the trail keeps its id.
CREATE TABLE access_key (
  id         TEXT PRIMARY KEY CHECK (id LIKE 'key\_%' ESCAPE '\'),
  owner      TEXT NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
  name       TEXT NOT NULL,
  scopes     TEXT NOT NULL CHECK (json_valid(scopes)),    -- those of the owner's role when it was made, or fewer
  resources  TEXT NOT NULL CHECK (json_valid(resources)), -- paths of MCP URLs: "/mcp", "/mcp/crm"
  tools      TEXT NOT NULL CHECK (json_valid(tools)),     -- globs; [] for what the role may use
  networks   TEXT NOT NULL CHECK (json_valid(networks)),  -- CIDR; [] for every network
  days       INTEGER NOT NULL,                            -- how long a secret lives
  created_at INTEGER NOT NULL,
  by         TEXT NOT NULL                                -- the page or the command, and who used it
) STRICT;
CREATE INDEX access_key_by_owner ON access_key (owner, created_at, id);

-- The secrets of a key: one, or two while a rotation overlaps. Only the SHA-256 is stored, of 256 random bits.
CREATE TABLE access_key_secret (
  digest     TEXT PRIMARY KEY,
  key_id     TEXT NOT NULL REFERENCES access_key (id) ON DELETE CASCADE,
  hint       TEXT NOT NULL,    -- its first characters, to tell keys apart
  mfa_at     INTEGER,          -- when the owner gave the second factor behind which it was made
  created_at INTEGER NOT NULL,
  ends_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX access_key_secret_by_key ON access_key_secret (key_id, ends_at);
CREATE INDEX access_key_secret_by_end ON access_key_secret (ends_at);
