-- What keeps lists and searches fast over a million contacts.

-- Whether a word exists, and which comes next: one step into the index each. The `row` vocabularies count every
-- occurrence of each word that they pass, so that looking for likely spellings grew with the table.
CREATE VIRTUAL TABLE contacts_terms USING fts5vocab (contacts_fts, instance);
CREATE VIRTUAL TABLE companies_terms USING fts5vocab (companies_fts, instance);
CREATE VIRTUAL TABLE deals_terms USING fts5vocab (deals_fts, instance);

-- Open deals are listed, filtered and added up without visiting the table: every column that a filter may name is in
-- the index of each order.
DROP INDEX deals_open_by_amount;
DROP INDEX deals_open_by_closing;
DROP INDEX deals_open_by_touch;
CREATE INDEX deals_open_by_amount ON deals
  (amount_cents, seq, last_activity_at, expected_close_on, stage, owner_id, region) WHERE closed_at IS NULL;
CREATE INDEX deals_open_by_closing ON deals
  (expected_close_on, seq, amount_cents, last_activity_at, stage, owner_id, region) WHERE closed_at IS NULL;
CREATE INDEX deals_open_by_touch ON deals
  (last_activity_at, seq, amount_cents, expected_close_on, stage, owner_id, region) WHERE closed_at IS NULL;
CREATE INDEX deals_open_by_owner ON deals
  (owner_id, amount_cents, seq, last_activity_at, expected_close_on, stage, region) WHERE closed_at IS NULL;
CREATE INDEX deals_open_by_region ON deals
  (region COLLATE NOCASE, amount_cents, seq, last_activity_at, expected_close_on, stage, owner_id)
  WHERE closed_at IS NULL;
