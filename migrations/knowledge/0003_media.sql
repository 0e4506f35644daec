-- Pictures and recordings of the collections. Their bytes lie in R2 under the SHA-256 of the content; here is what they
-- are called, whom they belong to, and what they say.
CREATE TABLE media (
  id            INTEGER PRIMARY KEY,
  slug          TEXT NOT NULL UNIQUE,
  collection_id INTEGER NOT NULL REFERENCES collections (id),
  -- SHA-256 of the content in hex: the key in R2, and how the same file is recognised.
  hash          TEXT NOT NULL,
  title         TEXT NOT NULL,
  mime_type     TEXT NOT NULL,
  bytes         INTEGER NOT NULL,
  -- A caption or transcript, and who wrote it: a person's name or a model's.
  description   TEXT NOT NULL DEFAULT '',
  described_by  TEXT NOT NULL DEFAULT '',
  created_at    TEXT NOT NULL,
  created_by    TEXT NOT NULL,
  created_by_name TEXT NOT NULL,
  UNIQUE (collection_id, hash)
) STRICT;

-- The same text under two names in one collection is recognised by this.
CREATE INDEX articles_by_hash ON articles (collection_id, source_hash) WHERE source_hash IS NOT NULL;
