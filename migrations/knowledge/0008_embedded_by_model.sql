-- A second vector index, of another model, is filled while the first one still answers. The version whose passages it
-- holds; NULL before the first one. Where it differs, work is pending.
ALTER TABLE articles ADD COLUMN embedded_m3_version INTEGER;

CREATE INDEX articles_unembedded_m3 ON articles (id) WHERE embedded_m3_version IS NOT version;

-- The indexes that held every article once: from then on they answer.
CREATE TABLE vector_indexes (
  model       TEXT PRIMARY KEY,
  complete_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
