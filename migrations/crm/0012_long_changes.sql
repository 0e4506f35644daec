-- Changes to more rows than one batch should hold go slice by slice; a slice is one batch, done and undone as a whole.
ALTER TABLE change_rows ADD COLUMN slice INTEGER NOT NULL DEFAULT 0;
DROP INDEX change_rows_by_change;
CREATE INDEX change_rows_by_change ON change_rows (change_id, slice, table_name, row_id);

ALTER TABLE changes ADD COLUMN slices INTEGER NOT NULL DEFAULT 1;
-- While a change is being taken back: slices that are, the rows in them, and rows that were left as they are.
ALTER TABLE changes ADD COLUMN undone_slices INTEGER NOT NULL DEFAULT 0;
ALTER TABLE changes ADD COLUMN undone_rows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE changes ADD COLUMN left_rows INTEGER NOT NULL DEFAULT 0;

-- A bulk update or an import between its preview and its end: what was shown to whom, and how far it is. Ids, versions
-- and numbers of rows only. `arguments` is a digest of what was asked for, `shown` of what the preview says; a part is
-- what one slice does. `parts`, `done` and the counts move in the batch of the work that they count, so that a step
-- which is taken again knows what was done.
CREATE TABLE plans (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  tool TEXT NOT NULL,
  arguments TEXT NOT NULL,
  shown TEXT NOT NULL DEFAULT '',
  -- JSON: counts of the preview, and where choosing goes on.
  preview TEXT NOT NULL CHECK (json_valid(preview)),
  parts INTEGER NOT NULL DEFAULT 0,
  done INTEGER NOT NULL DEFAULT 0,
  changed INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  change_id TEXT NOT NULL,
  made_at TEXT NOT NULL,
  stopped_at TEXT
) STRICT;

CREATE INDEX plans_by_age ON plans (made_at);
CREATE INDEX plans_by_change ON plans (change_id);

CREATE TABLE plan_parts (
  plan_id TEXT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
  -- 'work', or 'problems' of rows that stay out.
  kind TEXT NOT NULL,
  part INTEGER NOT NULL,
  content TEXT NOT NULL CHECK (json_valid(content)),
  -- JSON: what of it was left as it is, because somebody had changed it since the preview.
  skipped TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(skipped)),
  PRIMARY KEY (plan_id, kind, part)
) STRICT;

-- bulk_plans stays: the version before keeps its previews there, and going back must find it.

-- Whole exports, kept for a day for the person who made them. `sees` is what their role was shown then.
CREATE TABLE kept_exports (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  question TEXT NOT NULL,
  sees TEXT NOT NULL,
  position TEXT CHECK (position IS NULL OR json_valid(position)),
  complete INTEGER NOT NULL DEFAULT 0,
  parts INTEGER NOT NULL DEFAULT 0,
  row_count INTEGER NOT NULL DEFAULT 0,
  made_at TEXT NOT NULL
) STRICT;

CREATE INDEX kept_exports_by_age ON kept_exports (made_at);

CREATE TABLE kept_export_parts (
  export_id TEXT NOT NULL REFERENCES kept_exports (id) ON DELETE CASCADE,
  part INTEGER NOT NULL,
  -- Characters of the text, before it, so that adding them up does not read it.
  size INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (export_id, part)
) STRICT;

-- A file names a deal by its company and name.
CREATE INDEX deals_by_company_and_name ON deals (company_id, name COLLATE NOCASE);
