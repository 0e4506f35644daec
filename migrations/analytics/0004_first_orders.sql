-- A customer is new on its earliest order. An order that arrives late may be earlier than the one that was taken for the
-- first: then the mark moves. What the sender itself said is kept: an earliest order of which the sender says that it is not
-- the customer's first leaves the customer without a first order. NULL: the sender said nothing, or said it before this column.
ALTER TABLE events ADD COLUMN new_customer_sent INTEGER CHECK (new_customer_sent IN (0, 1));

-- Events are never changed, except for this mark, which follows from the others.
DROP TRIGGER events_before_update;
CREATE TRIGGER events_before_update BEFORE UPDATE OF id, occurred_at, kind, customer_id, region, country, segment, channel,
  category, product, campaign, quantity, amount_cents, cost_cents, event_key, new_customer_sent ON events BEGIN
  SELECT raise(ABORT, 'events are never changed: delete the event and insert the corrected one');
END;

-- The sums follow the mark. The row of a sum may be missing where this runs before the trigger that adds the event to it.
CREATE TRIGGER events_first_order_sums AFTER UPDATE OF new_customer ON events
WHEN NEW.new_customer <> OLD.new_customer BEGIN
  INSERT INTO daily_totals (kind, day, region, country, segment, events, quantity, amount_cents, cost_cents, new_customers)
  VALUES (NEW.kind, substr(NEW.occurred_at, 1, 10), NEW.region, NEW.country, NEW.segment,
          0, 0, 0, 0, NEW.new_customer - OLD.new_customer)
  ON CONFLICT (kind, day, region, country, segment) DO UPDATE SET new_customers = new_customers + excluded.new_customers;
  INSERT INTO daily_channels (kind, day, region, segment, channel, campaign, events, quantity, amount_cents, cost_cents,
    new_customers)
  VALUES (NEW.kind, substr(NEW.occurred_at, 1, 10), NEW.region, NEW.segment, NEW.channel, coalesce(NEW.campaign, '(none)'),
          0, 0, 0, 0, NEW.new_customer - OLD.new_customer)
  ON CONFLICT (kind, day, region, segment, channel, campaign) DO UPDATE SET
    new_customers = new_customers + excluded.new_customers;
  INSERT INTO daily_products (kind, day, region, channel, category, product, events, quantity, amount_cents, cost_cents,
    new_customers)
  VALUES (NEW.kind, substr(NEW.occurred_at, 1, 10), NEW.region, NEW.channel, NEW.category, NEW.product,
          0, 0, 0, 0, NEW.new_customer - OLD.new_customer)
  ON CONFLICT (kind, day, region, channel, category, product) DO UPDATE SET
    new_customers = new_customers + excluded.new_customers;
  INSERT INTO hourly_totals (kind, hour, region, events, quantity, amount_cents, cost_cents, new_customers)
  VALUES (NEW.kind, substr(NEW.occurred_at, 1, 13) || ':00:00Z', NEW.region,
          0, 0, 0, 0, NEW.new_customer - OLD.new_customer)
  ON CONFLICT (kind, hour, region) DO UPDATE SET new_customers = new_customers + excluded.new_customers;
END;

-- A mark on any order but the earliest of its customer moves to the earliest.
CREATE TRIGGER events_first_order_insert AFTER INSERT ON events
WHEN NEW.kind = 'order' AND (
  NEW.new_customer = 1 AND EXISTS (
    SELECT 1 FROM events AS e WHERE e.kind = 'order' AND e.customer_id = NEW.customer_id
      AND e.occurred_at <= NEW.occurred_at AND (e.occurred_at < NEW.occurred_at OR e.id < NEW.id)
  ) OR EXISTS (
    SELECT 1 FROM events AS e WHERE e.kind = 'order' AND e.customer_id = NEW.customer_id AND e.new_customer = 1
      AND e.occurred_at >= NEW.occurred_at AND (e.occurred_at > NEW.occurred_at OR e.id > NEW.id)
  )
) BEGIN
  UPDATE events SET new_customer = 1
  WHERE new_customer = 0 AND new_customer_sent IS NOT 0 AND id = (
    SELECT e.id FROM events AS e WHERE e.kind = 'order' AND e.customer_id = NEW.customer_id
    ORDER BY e.occurred_at, e.id LIMIT 1
  );
  UPDATE events SET new_customer = 0
  WHERE kind = 'order' AND customer_id = NEW.customer_id AND new_customer = 1 AND id <> (
    SELECT e.id FROM events AS e WHERE e.kind = 'order' AND e.customer_id = NEW.customer_id
    ORDER BY e.occurred_at, e.id LIMIT 1
  );
END;

-- Without its first order a customer is new on the next one.
CREATE TRIGGER events_first_order_delete AFTER DELETE ON events WHEN OLD.kind = 'order' AND OLD.new_customer = 1 BEGIN
  UPDATE events SET new_customer = 1
  WHERE new_customer = 0 AND new_customer_sent IS NOT 0 AND id = (
    SELECT e.id FROM events AS e WHERE e.kind = 'order' AND e.customer_id = OLD.customer_id
    ORDER BY e.occurred_at, e.id LIMIT 1
  );
END;

-- What came late before this migration: first the earliest orders get the marks that later ones have, then those lose them.
UPDATE events SET new_customer = 1
WHERE kind = 'order' AND new_customer = 0
  AND NOT EXISTS (
    SELECT 1 FROM events AS e WHERE e.kind = 'order' AND e.customer_id = events.customer_id
      AND e.occurred_at <= events.occurred_at AND (e.occurred_at < events.occurred_at OR e.id < events.id)
  )
  AND EXISTS (
    SELECT 1 FROM events AS e
    WHERE e.kind = 'order' AND e.customer_id = events.customer_id AND e.new_customer = 1
  );
UPDATE events SET new_customer = 0
WHERE kind = 'order' AND new_customer = 1
  AND EXISTS (
    SELECT 1 FROM events AS e WHERE e.kind = 'order' AND e.customer_id = events.customer_id
      AND e.occurred_at <= events.occurred_at AND (e.occurred_at < events.occurred_at OR e.id < events.id)
  );
