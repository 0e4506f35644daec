-- What the pipeline adds up, kept as deals change, so that its answer reads a few rows however many deals there are.
-- The two views say what one row counts for; triggers take away what it counted for before a change and add what it
-- counts for after. A full recount is therefore the views grouped by the key, which a test compares with the table.
--
-- kind      stage          day                  deals  cents   seconds
-- open      the stage      ''                   1      amount  0
-- touched   the stage      of last activity     1      amount  0
-- due       the stage      of expected close    1      amount  0
-- closed    won or lost    of closing           1      amount  from creation to closing
-- left      stage it left  of leaving           1      0       time spent in that stage
--
-- Everything but `left` is counted twice: for the deal's owner ('-' for none) and for everyone ('*').

CREATE TABLE deal_counters (
  kind TEXT NOT NULL,
  owner_id TEXT NOT NULL,
  day TEXT NOT NULL,
  stage TEXT NOT NULL,
  deals INTEGER NOT NULL,
  cents INTEGER NOT NULL,
  seconds INTEGER NOT NULL,
  PRIMARY KEY (kind, owner_id, day, stage)
) STRICT, WITHOUT ROWID;

-- The rows of the list above that one deal counts for.
CREATE TABLE counter_kinds (
  kind TEXT NOT NULL,
  everyone INTEGER NOT NULL,
  closed INTEGER NOT NULL,
  PRIMARY KEY (closed, kind, everyone)
) STRICT, WITHOUT ROWID;

INSERT INTO counter_kinds (kind, everyone, closed) VALUES
  ('open', 0, 0), ('open', 1, 0), ('touched', 0, 0), ('touched', 1, 0), ('due', 0, 0), ('due', 1, 0),
  ('closed', 0, 1), ('closed', 1, 1);

-- How long the deal had been in the stage that a step left. A column of the row itself, because it must not change
-- when an earlier step of the history goes.
ALTER TABLE deal_stage_history ADD COLUMN seconds_in_stage INTEGER;

CREATE VIEW deal_contributions AS
SELECT d.seq, k.kind,
  iif(k.everyone, '*', coalesce(d.owner_id, '-')) AS owner_id,
  CASE k.kind
    WHEN 'touched' THEN substr(d.last_activity_at, 1, 10)
    WHEN 'due' THEN d.expected_close_on
    WHEN 'closed' THEN substr(d.closed_at, 1, 10)
    ELSE ''
  END AS day,
  d.stage, 1 AS deals, d.amount_cents AS cents,
  iif(k.kind = 'closed', max(0, coalesce(unixepoch(d.closed_at) - unixepoch(d.created_at), 0)), 0) AS seconds
FROM deals d CROSS JOIN counter_kinds k
WHERE k.closed = (d.closed_at IS NOT NULL);

CREATE VIEW step_contributions AS
SELECT seq, 'left' AS kind, '*' AS owner_id, substr(changed_at, 1, 10) AS day, from_stage AS stage,
  1 AS deals, 0 AS cents, seconds_in_stage AS seconds
FROM deal_stage_history WHERE from_stage IS NOT NULL AND seconds_in_stage IS NOT NULL;

UPDATE deal_stage_history SET seconds_in_stage = max(0, unixepoch(changed_at) - unixepoch(coalesce(
  (SELECT p.changed_at FROM deal_stage_history p WHERE p.deal_id = deal_stage_history.deal_id
     AND p.seq < deal_stage_history.seq ORDER BY p.seq DESC LIMIT 1),
  (SELECT created_at FROM deals WHERE id = deal_stage_history.deal_id))))
WHERE from_stage IS NOT NULL;

INSERT INTO deal_counters
SELECT kind, owner_id, day, stage, sum(deals), sum(cents), sum(seconds)
FROM (SELECT * FROM deal_contributions UNION ALL SELECT * FROM step_contributions)
GROUP BY kind, owner_id, day, stage;

CREATE TRIGGER deals_count_insert AFTER INSERT ON deals BEGIN
  INSERT INTO deal_counters SELECT kind, owner_id, day, stage, deals, cents, seconds
  FROM deal_contributions WHERE seq = new.seq
  ON CONFLICT DO UPDATE SET
    deals = deals + excluded.deals, cents = cents + excluded.cents, seconds = seconds + excluded.seconds;
END;

CREATE TRIGGER deals_count_before
BEFORE UPDATE OF owner_id, stage, amount_cents, expected_close_on, closed_at, last_activity_at, created_at ON deals
BEGIN
  INSERT INTO deal_counters SELECT kind, owner_id, day, stage, -deals, -cents, -seconds
  FROM deal_contributions WHERE seq = old.seq
  ON CONFLICT DO UPDATE SET
    deals = deals + excluded.deals, cents = cents + excluded.cents, seconds = seconds + excluded.seconds;
END;

CREATE TRIGGER deals_count_after
AFTER UPDATE OF owner_id, stage, amount_cents, expected_close_on, closed_at, last_activity_at, created_at ON deals
BEGIN
  INSERT INTO deal_counters SELECT kind, owner_id, day, stage, deals, cents, seconds
  FROM deal_contributions WHERE seq = new.seq
  ON CONFLICT DO UPDATE SET
    deals = deals + excluded.deals, cents = cents + excluded.cents, seconds = seconds + excluded.seconds;
END;

CREATE TRIGGER deals_count_delete BEFORE DELETE ON deals BEGIN
  INSERT INTO deal_counters SELECT kind, owner_id, day, stage, -deals, -cents, -seconds
  FROM deal_contributions WHERE seq = old.seq
  ON CONFLICT DO UPDATE SET
    deals = deals + excluded.deals, cents = cents + excluded.cents, seconds = seconds + excluded.seconds;
END;

-- Days that nothing counts for any more would pile up as deals are touched day after day.
CREATE TRIGGER deal_counters_tidy AFTER UPDATE ON deal_counters WHEN new.deals = 0 BEGIN
  DELETE FROM deal_counters
  WHERE kind = new.kind AND owner_id = new.owner_id AND day = new.day AND stage = new.stage;
END;

CREATE TRIGGER steps_measure AFTER INSERT ON deal_stage_history
WHEN new.from_stage IS NOT NULL AND new.seconds_in_stage IS NULL BEGIN
  UPDATE deal_stage_history SET seconds_in_stage = max(0, unixepoch(changed_at) - unixepoch(coalesce(
    (SELECT p.changed_at FROM deal_stage_history p WHERE p.deal_id = new.deal_id AND p.seq < new.seq
       ORDER BY p.seq DESC LIMIT 1),
    (SELECT created_at FROM deals WHERE id = new.deal_id))))
  WHERE seq = new.seq;
END;

CREATE TRIGGER steps_count_measured AFTER UPDATE OF seconds_in_stage ON deal_stage_history
WHEN old.seconds_in_stage IS NULL BEGIN
  INSERT INTO deal_counters SELECT kind, owner_id, day, stage, deals, cents, seconds
  FROM step_contributions WHERE seq = new.seq
  ON CONFLICT DO UPDATE SET
    deals = deals + excluded.deals, cents = cents + excluded.cents, seconds = seconds + excluded.seconds;
END;

CREATE TRIGGER steps_count_insert AFTER INSERT ON deal_stage_history WHEN new.seconds_in_stage IS NOT NULL BEGIN
  INSERT INTO deal_counters SELECT kind, owner_id, day, stage, deals, cents, seconds
  FROM step_contributions WHERE seq = new.seq
  ON CONFLICT DO UPDATE SET
    deals = deals + excluded.deals, cents = cents + excluded.cents, seconds = seconds + excluded.seconds;
END;

CREATE TRIGGER steps_count_delete BEFORE DELETE ON deal_stage_history BEGIN
  INSERT INTO deal_counters SELECT kind, owner_id, day, stage, -deals, -cents, -seconds
  FROM step_contributions WHERE seq = old.seq
  ON CONFLICT DO UPDATE SET
    deals = deals + excluded.deals, cents = cents + excluded.cents, seconds = seconds + excluded.seconds;
END;

-- The summary reads counters now.
DROP INDEX deals_pipeline;
DROP INDEX deals_closed;
