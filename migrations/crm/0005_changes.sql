-- Changes to many rows at once (deleting, merging) that can be undone for a while. A row that is deleted leaves its
-- table, its search index and its counters at once, and lives on here as an image until `undo_until`.

CREATE TABLE changes (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  -- Ids and numbers only: personal data stands in the images.
  summary TEXT NOT NULL,
  made_at TEXT NOT NULL,
  made_by TEXT NOT NULL,
  made_by_name TEXT NOT NULL,
  undo_until TEXT NOT NULL,
  undone_at TEXT,
  undone_by TEXT,
  undone_by_name TEXT
) STRICT;

CREATE INDEX changes_by_end ON changes (undo_until);
CREATE INDEX changes_by_time ON changes (made_at);

-- `before` and `after` are JSON arrays of the row's columns in a fixed order; `after` is NULL for a deleted row.
CREATE TABLE change_rows (
  seq INTEGER PRIMARY KEY,
  change_id TEXT NOT NULL REFERENCES changes (id) ON DELETE CASCADE,
  table_name TEXT NOT NULL,
  row_id TEXT NOT NULL,
  before TEXT NOT NULL CHECK (json_valid(before)),
  after TEXT CHECK (after IS NULL OR json_valid(after))
) STRICT;

CREATE INDEX change_rows_by_change ON change_rows (change_id, table_name, row_id);
CREATE INDEX change_rows_by_row ON change_rows (row_id);

-- A batch that puts 0 in here fails as a whole: what a person saw must still be so when it happens. Always empty.
CREATE TABLE preconditions (
  holds INTEGER NOT NULL CONSTRAINT precondition_holds CHECK (holds = 1)
) STRICT;
