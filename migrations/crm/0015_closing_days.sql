-- A deal's day in lists: a closed deal counts on the day it closed, an open one on the day it is expected to close. The
-- triggers keep it, and it is no generated column, because SQLite does not read those from an index alone. This day and
-- the time of creation are in every index that a list reads, so that a filter by one of them visits no row of the table.
ALTER TABLE deals ADD COLUMN closing_on TEXT;

CREATE TRIGGER deals_closing_insert AFTER INSERT ON deals BEGIN
  UPDATE deals SET closing_on = coalesce(substr(closed_at, 1, 10), expected_close_on) WHERE seq = new.seq;
END;

CREATE TRIGGER deals_closing_update AFTER UPDATE OF closed_at, expected_close_on ON deals BEGIN
  UPDATE deals SET closing_on = coalesce(substr(closed_at, 1, 10), expected_close_on) WHERE seq = new.seq;
END;

UPDATE deals SET closing_on = coalesce(substr(closed_at, 1, 10), expected_close_on);

DROP INDEX deals_open_by_amount;
DROP INDEX deals_open_by_closing;
DROP INDEX deals_open_by_touch;
DROP INDEX deals_by_amount;
DROP INDEX deals_by_closing;
DROP INDEX deals_by_touch;
DROP INDEX deals_by_owner;
DROP INDEX deals_by_region;
DROP INDEX deals_by_region_and_closing;
DROP INDEX deals_by_region_and_touch;

CREATE INDEX deals_open_by_amount ON deals
  (amount_cents, seq, last_activity_at, closing_on, stage, owner_id, region, created_at, closed_at) WHERE closed_at IS NULL;
CREATE INDEX deals_open_by_closing ON deals
  (closing_on, seq, amount_cents, last_activity_at, stage, owner_id, region, created_at, closed_at) WHERE closed_at IS NULL;
CREATE INDEX deals_open_by_touch ON deals
  (last_activity_at, seq, amount_cents, closing_on, stage, owner_id, region, created_at, closed_at) WHERE closed_at IS NULL;
CREATE INDEX deals_by_amount ON deals (amount_cents, seq, closing_on, created_at, stage, owner_id);
CREATE INDEX deals_by_closing ON deals (closing_on, seq, amount_cents, last_activity_at, stage, owner_id, created_at);
CREATE INDEX deals_by_touch ON deals (last_activity_at, seq, amount_cents, closing_on, stage, owner_id, created_at);
CREATE INDEX deals_by_creation ON deals
  (created_at, seq, closed_at, amount_cents, last_activity_at, closing_on, stage, owner_id, region);
CREATE INDEX deals_by_owner ON deals
  (owner_id, amount_cents, seq, closed_at, last_activity_at, closing_on, stage, region, created_at);
CREATE INDEX deals_by_region ON deals
  (region COLLATE NOCASE, amount_cents, seq, closed_at, last_activity_at, closing_on, stage, owner_id, created_at);
CREATE INDEX deals_by_region_and_closing ON deals
  (region COLLATE NOCASE, closing_on, seq, closed_at, amount_cents, last_activity_at, stage, owner_id, created_at);
CREATE INDEX deals_by_region_and_touch ON deals
  (region COLLATE NOCASE, last_activity_at, seq, closed_at, amount_cents, closing_on, stage, owner_id, created_at);
