-- The lists of one owner's and one region's deals, whether open or not, come out of an index in each order without
-- visiting the table. They replace the indexes of the same subjects that held too little for that.
DROP INDEX deals_open_by_owner;
DROP INDEX deals_open_by_region;
DROP INDEX deals_by_owner;
DROP INDEX deals_by_region;
CREATE INDEX deals_by_owner ON deals
  (owner_id, amount_cents, seq, closed_at, last_activity_at, expected_close_on, stage, region);
CREATE INDEX deals_by_region ON deals
  (region COLLATE NOCASE, amount_cents, seq, closed_at, last_activity_at, expected_close_on, stage, owner_id);
CREATE INDEX deals_by_region_and_closing ON deals
  (region COLLATE NOCASE, expected_close_on, seq, closed_at, amount_cents, last_activity_at, stage, owner_id);
CREATE INDEX deals_by_region_and_touch ON deals
  (region COLLATE NOCASE, last_activity_at, seq, closed_at, amount_cents, expected_close_on, stage, owner_id);
