-- What happened in the shop, one row an event, never changed afterwards. Money is integer cents of US dollars;
-- times are UTC, "YYYY-MM-DDTHH:MM:SSZ", so that text order is time order.
CREATE TABLE events (
  id           INTEGER PRIMARY KEY,
  occurred_at  TEXT NOT NULL CHECK (length(occurred_at) = 20 AND occurred_at GLOB '????-??-??T??:??:??Z'),
  kind         TEXT NOT NULL CHECK (kind IN ('visit', 'cart', 'checkout', 'order', 'refund')),
  customer_id  TEXT NOT NULL,
  region       TEXT NOT NULL,
  country      TEXT NOT NULL,
  segment      TEXT NOT NULL,
  channel      TEXT NOT NULL,
  category     TEXT NOT NULL,
  product      TEXT NOT NULL,
  campaign     TEXT,
  quantity     INTEGER NOT NULL DEFAULT 0 CHECK (quantity >= 0),
  amount_cents INTEGER NOT NULL DEFAULT 0 CHECK (amount_cents >= 0),
  cost_cents   INTEGER NOT NULL DEFAULT 0 CHECK (cost_cents >= 0),
  new_customer INTEGER NOT NULL DEFAULT 0 CHECK (new_customer IN (0, 1))
) STRICT;

-- Metrics of orders skip the visits, which are most of the rows.
CREATE INDEX events_by_kind_and_time ON events (kind, occurred_at);

-- Sums per day for the questions that dashboards ask. Its size depends on days and markets, not on events.
CREATE TABLE daily_totals (
  kind          TEXT NOT NULL,
  day           TEXT NOT NULL,
  region        TEXT NOT NULL,
  country       TEXT NOT NULL,
  segment       TEXT NOT NULL,
  events        INTEGER NOT NULL,
  quantity      INTEGER NOT NULL,
  amount_cents  INTEGER NOT NULL,
  cost_cents    INTEGER NOT NULL,
  new_customers INTEGER NOT NULL,
  PRIMARY KEY (kind, day, region, country, segment)
) STRICT, WITHOUT ROWID;

-- The known values of each dimension: filters are checked and completed against it.
CREATE TABLE dimension_members (
  dimension TEXT NOT NULL,
  member    TEXT NOT NULL,
  PRIMARY KEY (dimension, member)
) STRICT, WITHOUT ROWID;

-- Both are kept by triggers, whoever writes the events, so that they cannot drift from them.
CREATE TRIGGER events_after_insert AFTER INSERT ON events BEGIN
  INSERT INTO daily_totals (kind, day, region, country, segment, events, quantity, amount_cents, cost_cents, new_customers)
  VALUES (NEW.kind, substr(NEW.occurred_at, 1, 10), NEW.region, NEW.country, NEW.segment,
          1, NEW.quantity, NEW.amount_cents, NEW.cost_cents, NEW.new_customer)
  ON CONFLICT (kind, day, region, country, segment) DO UPDATE SET
    events        = events + 1,
    quantity      = quantity + excluded.quantity,
    amount_cents  = amount_cents + excluded.amount_cents,
    cost_cents    = cost_cents + excluded.cost_cents,
    new_customers = new_customers + excluded.new_customers;
  INSERT OR IGNORE INTO dimension_members (dimension, member) VALUES
    ('region', NEW.region), ('country', NEW.country), ('segment', NEW.segment), ('channel', NEW.channel),
    ('category', NEW.category), ('product', NEW.product), ('campaign', coalesce(NEW.campaign, '(none)'));
END;

CREATE TRIGGER events_after_delete AFTER DELETE ON events BEGIN
  UPDATE daily_totals SET
    events        = events - 1,
    quantity      = quantity - OLD.quantity,
    amount_cents  = amount_cents - OLD.amount_cents,
    cost_cents    = cost_cents - OLD.cost_cents,
    new_customers = new_customers - OLD.new_customer
  WHERE kind = OLD.kind AND day = substr(OLD.occurred_at, 1, 10)
    AND region = OLD.region AND country = OLD.country AND segment = OLD.segment;
  DELETE FROM daily_totals
  WHERE kind = OLD.kind AND day = substr(OLD.occurred_at, 1, 10)
    AND region = OLD.region AND country = OLD.country AND segment = OLD.segment AND events = 0;
END;

CREATE TRIGGER events_before_update BEFORE UPDATE ON events BEGIN
  SELECT raise(ABORT, 'events are never changed: delete the event and insert the corrected one');
END;
