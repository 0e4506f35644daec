-- The CRM's tables. Money is whole cents of one currency, times are ISO 8601 in UTC, days are YYYY-MM-DD.
-- `seq` is the row's place in the order of creation: full-text tables and keyset cursors hang on it, while `id`
-- is what the outside sees. Every `*_by` column holds the opaque user id of the person who made the change.

CREATE TABLE owners (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE companies (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  domain TEXT,
  industry TEXT,
  region TEXT,
  city TEXT,
  country TEXT,
  employees INTEGER,
  phone TEXT,
  owner_id TEXT REFERENCES owners (id),
  last_activity_at TEXT,
  version INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_by_name TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  updated_by_name TEXT NOT NULL
) STRICT;

CREATE INDEX companies_by_last_activity ON companies (last_activity_at, seq);

CREATE TABLE contacts (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  company_id TEXT REFERENCES companies (id),
  first_name TEXT NOT NULL,
  last_name TEXT NOT NULL,
  title TEXT,
  -- Lower case. Two people never share one, but a contact may have none.
  email TEXT UNIQUE,
  phone TEXT,
  owner_id TEXT REFERENCES owners (id),
  last_activity_at TEXT,
  version INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_by_name TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  updated_by_name TEXT NOT NULL
) STRICT;

CREATE INDEX contacts_by_company ON contacts (company_id, last_activity_at);

-- What a contact looked like before each change, and who changed it.
CREATE TABLE contact_versions (
  contact_id TEXT NOT NULL REFERENCES contacts (id),
  version INTEGER NOT NULL,
  snapshot TEXT NOT NULL CHECK (json_valid(snapshot)),
  replaced_at TEXT NOT NULL,
  replaced_by TEXT NOT NULL,
  replaced_by_name TEXT NOT NULL,
  PRIMARY KEY (contact_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE deals (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  company_id TEXT NOT NULL REFERENCES companies (id),
  contact_id TEXT REFERENCES contacts (id),
  owner_id TEXT REFERENCES owners (id),
  -- A copy of the company's, kept by the triggers below: asking by region must not visit every company.
  region TEXT,
  stage TEXT NOT NULL CHECK (stage IN ('lead', 'qualified', 'proposal', 'negotiation', 'won', 'lost')),
  amount_cents INTEGER NOT NULL CHECK (amount_cents >= 0),
  expected_close_on TEXT NOT NULL,
  stage_since TEXT NOT NULL,
  closed_at TEXT,
  close_reason TEXT,
  last_activity_at TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_by_name TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  updated_by_name TEXT NOT NULL,
  CHECK ((stage IN ('won', 'lost')) = (closed_at IS NOT NULL))
) STRICT;

-- One index per way to sort, for open deals (the daily question) and for all of them.
CREATE INDEX deals_open_by_amount ON deals (amount_cents, seq) WHERE closed_at IS NULL;
CREATE INDEX deals_open_by_closing ON deals (expected_close_on, seq) WHERE closed_at IS NULL;
CREATE INDEX deals_open_by_touch ON deals (last_activity_at, seq) WHERE closed_at IS NULL;
CREATE INDEX deals_by_amount ON deals (amount_cents, seq);
CREATE INDEX deals_by_closing ON deals (expected_close_on, seq);
CREATE INDEX deals_by_touch ON deals (last_activity_at, seq);
CREATE INDEX deals_by_owner ON deals (owner_id, amount_cents, seq);
CREATE INDEX deals_by_region ON deals (region COLLATE NOCASE, amount_cents, seq);
CREATE INDEX deals_by_company ON deals (company_id, amount_cents, seq);
CREATE INDEX deals_by_contact ON deals (contact_id, amount_cents, seq);
-- These two hold every column that the pipeline summary reads, so that it never visits the table.
CREATE INDEX deals_pipeline ON deals (stage, owner_id, amount_cents, last_activity_at, expected_close_on)
  WHERE closed_at IS NULL;
CREATE INDEX deals_closed ON deals (closed_at, stage, owner_id, amount_cents) WHERE closed_at IS NOT NULL;

CREATE TRIGGER deals_region_insert AFTER INSERT ON deals WHEN new.region IS NULL BEGIN
  UPDATE deals SET region = (SELECT region FROM companies WHERE id = new.company_id) WHERE seq = new.seq;
END;

CREATE TRIGGER deals_region_move AFTER UPDATE OF company_id ON deals BEGIN
  UPDATE deals SET region = (SELECT region FROM companies WHERE id = new.company_id) WHERE seq = new.seq;
END;

CREATE TRIGGER companies_region_update AFTER UPDATE OF region ON companies BEGIN
  UPDATE deals SET region = new.region WHERE company_id = new.id;
END;

CREATE TABLE deal_stage_history (
  seq INTEGER PRIMARY KEY,
  deal_id TEXT NOT NULL REFERENCES deals (id),
  from_stage TEXT,
  to_stage TEXT NOT NULL,
  reason TEXT,
  changed_at TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_by_name TEXT NOT NULL
) STRICT;

CREATE INDEX deal_stage_history_by_deal ON deal_stage_history (deal_id, seq);

CREATE TABLE activities (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('call', 'meeting', 'email', 'note')),
  subject TEXT NOT NULL,
  body TEXT,
  occurred_at TEXT NOT NULL,
  company_id TEXT REFERENCES companies (id),
  contact_id TEXT REFERENCES contacts (id),
  deal_id TEXT REFERENCES deals (id),
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_by_name TEXT NOT NULL,
  CHECK (company_id IS NOT NULL OR contact_id IS NOT NULL OR deal_id IS NOT NULL)
) STRICT;

CREATE INDEX activities_by_company ON activities (company_id, occurred_at);
CREATE INDEX activities_by_contact ON activities (contact_id, occurred_at);
CREATE INDEX activities_by_deal ON activities (deal_id, occurred_at);

CREATE TABLE tasks (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  due_on TEXT NOT NULL,
  done_at TEXT,
  owner_id TEXT REFERENCES owners (id),
  company_id TEXT REFERENCES companies (id),
  contact_id TEXT REFERENCES contacts (id),
  deal_id TEXT REFERENCES deals (id),
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_by_name TEXT NOT NULL
) STRICT;

CREATE INDEX tasks_open_by_due ON tasks (due_on, seq) WHERE done_at IS NULL;
CREATE INDEX tasks_open_by_owner ON tasks (owner_id, due_on, seq) WHERE done_at IS NULL;
-- These are whole, because a foreign key is only checked through an index over all rows.
CREATE INDEX tasks_by_company ON tasks (company_id, done_at, due_on, seq);
CREATE INDEX tasks_by_contact ON tasks (contact_id, done_at, due_on, seq);
CREATE INDEX tasks_by_deal ON tasks (deal_id);

-- One row per person and key. It names what the first call made instead of keeping a copy of it, so that
-- personal data stays in one place.
CREATE TABLE idempotency_keys (
  user_id TEXT NOT NULL,
  key TEXT NOT NULL,
  tool TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  entity_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
