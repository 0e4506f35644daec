-- A bulk update between its preview and its end: which rows, in which versions, were shown to whom. Ids and versions
-- only; `arguments` is a digest of what was asked for, `done` counts the rows that slices have gone through.
CREATE TABLE bulk_plans (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  arguments TEXT NOT NULL,
  pairs TEXT NOT NULL CHECK (json_valid(pairs)),
  done INTEGER NOT NULL DEFAULT 0,
  made_at TEXT NOT NULL
) STRICT;

CREATE INDEX bulk_plans_by_age ON bulk_plans (made_at);

-- An imported row names its company as people write it.
CREATE INDEX companies_by_name ON companies (name COLLATE NOCASE);
