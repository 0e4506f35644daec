-- A sender's own key of an event: what is sent twice is stored once.
ALTER TABLE events ADD COLUMN event_key TEXT;
CREATE UNIQUE INDEX events_by_key ON events (event_key) WHERE event_key IS NOT NULL;

-- One person's events in order: funnels, cohorts, and when somebody was last seen.
CREATE INDEX events_by_customer ON events (kind, customer_id, occurred_at);

-- Sums for the cuts that dashboards ask beside daily_totals. A full cube would be nearly as large as the events; a few
-- small ones answer almost everything (Harinarayan, Rajaraman, Ullman: Implementing Data Cubes Efficiently, SIGMOD 1996).
-- Each costs one row written for each event.
-- A marketing dashboard: how customers came.
CREATE TABLE daily_channels (
  kind          TEXT NOT NULL,
  day           TEXT NOT NULL,
  region        TEXT NOT NULL,
  segment       TEXT NOT NULL,
  channel       TEXT NOT NULL,
  campaign      TEXT NOT NULL,
  events        INTEGER NOT NULL,
  quantity      INTEGER NOT NULL,
  amount_cents  INTEGER NOT NULL,
  cost_cents    INTEGER NOT NULL,
  new_customers INTEGER NOT NULL,
  PRIMARY KEY (kind, day, region, segment, channel, campaign)
) STRICT, WITHOUT ROWID;

-- A product dashboard: what they looked at and bought.
CREATE TABLE daily_products (
  kind          TEXT NOT NULL,
  day           TEXT NOT NULL,
  region        TEXT NOT NULL,
  channel       TEXT NOT NULL,
  category      TEXT NOT NULL,
  product       TEXT NOT NULL,
  events        INTEGER NOT NULL,
  quantity      INTEGER NOT NULL,
  amount_cents  INTEGER NOT NULL,
  cost_cents    INTEGER NOT NULL,
  new_customers INTEGER NOT NULL,
  PRIMARY KEY (kind, day, region, channel, category, product)
) STRICT, WITHOUT ROWID;

-- Hours, also for days of other time zones.
CREATE TABLE hourly_totals (
  kind          TEXT NOT NULL,
  hour          TEXT NOT NULL,
  region        TEXT NOT NULL,
  events        INTEGER NOT NULL,
  quantity      INTEGER NOT NULL,
  amount_cents  INTEGER NOT NULL,
  cost_cents    INTEGER NOT NULL,
  new_customers INTEGER NOT NULL,
  PRIMARY KEY (kind, hour, region)
) STRICT, WITHOUT ROWID;

-- How many different people there were between any two days, exactly, without reading them. Each person's days are
-- chained; a person counts on its first day of a span, the one whose previous day lies before the span: sum(people) where
-- day is in the span and previous_day < its first day. (Coloured range counting reduced to dominance counting: Gupta,
-- Janardan, Smid, Journal of Algorithms 19, 1995.) Chains are kept for orders and visits, over everything (scope total,
-- member empty) and for each region, segment and channel; previous_day is empty where there is none.
CREATE TABLE daily_people (
  kind         TEXT NOT NULL,
  scope        TEXT NOT NULL,
  member       TEXT NOT NULL,
  day          TEXT NOT NULL,
  previous_day TEXT NOT NULL,
  people       INTEGER NOT NULL,
  PRIMARY KEY (kind, scope, day, member, previous_day)
) STRICT, WITHOUT ROWID;

INSERT INTO daily_channels (kind, day, region, segment, channel, campaign, events, quantity, amount_cents,
  cost_cents, new_customers)
SELECT kind, substr(occurred_at, 1, 10), region, segment, channel, coalesce(campaign, '(none)'), count(*),
  sum(quantity), sum(amount_cents), sum(cost_cents), sum(new_customer)
FROM events GROUP BY 1, 2, 3, 4, 5, 6;

INSERT INTO daily_products (kind, day, region, channel, category, product, events, quantity, amount_cents,
  cost_cents, new_customers)
SELECT kind, substr(occurred_at, 1, 10), region, channel, category, product, count(*), sum(quantity),
  sum(amount_cents), sum(cost_cents), sum(new_customer)
FROM events GROUP BY 1, 2, 3, 4, 5, 6;

INSERT INTO hourly_totals (kind, hour, region, events, quantity, amount_cents, cost_cents, new_customers)
SELECT kind, substr(occurred_at, 1, 13) || ':00:00Z', region, count(*), sum(quantity), sum(amount_cents),
  sum(cost_cents), sum(new_customer)
FROM events GROUP BY 1, 2, 3;

INSERT INTO daily_people (kind, scope, member, day, previous_day, people)
SELECT kind, scope, member, day, previous_day, count(*)
FROM (
  SELECT kind, scope, member, day,
    coalesce(lag(day) OVER (PARTITION BY kind, scope, member, customer_id ORDER BY day), '') AS previous_day
  FROM (
    SELECT DISTINCT kind, scopes.value AS scope, customer_id, substr(occurred_at, 1, 10) AS day,
      CASE scopes.value WHEN 'region' THEN region WHEN 'segment' THEN segment WHEN 'channel' THEN channel
        ELSE '' END AS member
    FROM events, json_each('["total", "region", "segment", "channel"]') AS scopes
    WHERE kind IN ('order', 'visit')
  )
)
GROUP BY 1, 2, 3, 4, 5;

-- Kept by triggers like daily_totals, so that no way of writing events can pass them by.
CREATE TRIGGER events_roll_up_insert AFTER INSERT ON events BEGIN
  INSERT INTO daily_channels (kind, day, region, segment, channel, campaign, events, quantity, amount_cents,
    cost_cents, new_customers)
  VALUES (NEW.kind, substr(NEW.occurred_at, 1, 10), NEW.region, NEW.segment, NEW.channel, coalesce(NEW.campaign,
    '(none)'),
          1, NEW.quantity, NEW.amount_cents, NEW.cost_cents, NEW.new_customer)
  ON CONFLICT (kind, day, region, segment, channel, campaign) DO UPDATE SET
    events        = events + 1,
    quantity      = quantity + excluded.quantity,
    amount_cents  = amount_cents + excluded.amount_cents,
    cost_cents    = cost_cents + excluded.cost_cents,
    new_customers = new_customers + excluded.new_customers;
  INSERT INTO daily_products (kind, day, region, channel, category, product, events, quantity, amount_cents,
    cost_cents, new_customers)
  VALUES (NEW.kind, substr(NEW.occurred_at, 1, 10), NEW.region, NEW.channel, NEW.category, NEW.product,
          1, NEW.quantity, NEW.amount_cents, NEW.cost_cents, NEW.new_customer)
  ON CONFLICT (kind, day, region, channel, category, product) DO UPDATE SET
    events        = events + 1,
    quantity      = quantity + excluded.quantity,
    amount_cents  = amount_cents + excluded.amount_cents,
    cost_cents    = cost_cents + excluded.cost_cents,
    new_customers = new_customers + excluded.new_customers;
  INSERT INTO hourly_totals (kind, hour, region, events, quantity, amount_cents, cost_cents, new_customers)
  VALUES (NEW.kind, substr(NEW.occurred_at, 1, 13) || ':00:00Z', NEW.region,
          1, NEW.quantity, NEW.amount_cents, NEW.cost_cents, NEW.new_customer)
  ON CONFLICT (kind, hour, region) DO UPDATE SET
    events        = events + 1,
    quantity      = quantity + excluded.quantity,
    amount_cents  = amount_cents + excluded.amount_cents,
    cost_cents    = cost_cents + excluded.cost_cents,
    new_customers = new_customers + excluded.new_customers;
END;

CREATE TRIGGER events_roll_up_delete AFTER DELETE ON events BEGIN
  UPDATE daily_channels SET
    events        = events - 1,
    quantity      = quantity - OLD.quantity,
    amount_cents  = amount_cents - OLD.amount_cents,
    cost_cents    = cost_cents - OLD.cost_cents,
    new_customers = new_customers - OLD.new_customer
  WHERE kind = OLD.kind AND day = substr(OLD.occurred_at, 1, 10) AND region = OLD.region
    AND segment = OLD.segment AND channel = OLD.channel AND campaign = coalesce(OLD.campaign, '(none)');
  DELETE FROM daily_channels
  WHERE kind = OLD.kind AND day = substr(OLD.occurred_at, 1, 10) AND region = OLD.region
    AND segment = OLD.segment AND channel = OLD.channel AND campaign = coalesce(OLD.campaign, '(none)') AND events = 0;
  UPDATE daily_products SET
    events        = events - 1,
    quantity      = quantity - OLD.quantity,
    amount_cents  = amount_cents - OLD.amount_cents,
    cost_cents    = cost_cents - OLD.cost_cents,
    new_customers = new_customers - OLD.new_customer
  WHERE kind = OLD.kind AND day = substr(OLD.occurred_at, 1, 10) AND region = OLD.region
    AND channel = OLD.channel AND category = OLD.category AND product = OLD.product;
  DELETE FROM daily_products
  WHERE kind = OLD.kind AND day = substr(OLD.occurred_at, 1, 10) AND region = OLD.region
    AND channel = OLD.channel AND category = OLD.category AND product = OLD.product AND events = 0;
  UPDATE hourly_totals SET
    events        = events - 1,
    quantity      = quantity - OLD.quantity,
    amount_cents  = amount_cents - OLD.amount_cents,
    cost_cents    = cost_cents - OLD.cost_cents,
    new_customers = new_customers - OLD.new_customer
  WHERE kind = OLD.kind AND hour = substr(OLD.occurred_at, 1, 13) || ':00:00Z' AND region = OLD.region;
  DELETE FROM hourly_totals
  WHERE kind = OLD.kind AND hour = substr(OLD.occurred_at, 1, 13) || ':00:00Z' AND region = OLD.region AND events = 0;
END;

-- A day of a person appears in a chain (step 1) or disappears (step -1) between the days before and after it.
CREATE VIEW chain_changes AS
SELECT kind, scope, member, day, previous_day, '' AS next_day, people AS step FROM daily_people WHERE 0;

CREATE TRIGGER chain_changes_apply INSTEAD OF INSERT ON chain_changes BEGIN
  INSERT INTO daily_people (kind, scope, member, day, previous_day, people)
  VALUES (NEW.kind, NEW.scope, NEW.member, NEW.day, NEW.previous_day, NEW.step)
  ON CONFLICT (kind, scope, day, member, previous_day) DO UPDATE SET people = people + excluded.people;
  -- The day after, if there is one, has another day before it now.
  INSERT INTO daily_people (kind, scope, member, day, previous_day, people)
  SELECT NEW.kind, NEW.scope, NEW.member, NEW.next_day, moved.value ->> 0, moved.value ->> 1
  FROM json_each(json_array(json_array(NEW.previous_day, -NEW.step), json_array(NEW.day, NEW.step))) AS moved
  WHERE NEW.next_day IS NOT NULL
  ON CONFLICT (kind, scope, day, member, previous_day) DO UPDATE SET people = people + excluded.people;
  DELETE FROM daily_people
  WHERE kind = NEW.kind AND scope = NEW.scope AND day IN (NEW.day, NEW.next_day) AND member = NEW.member
    AND previous_day IN (NEW.previous_day, NEW.day) AND people = 0;
END;

-- Most events are the latest of their person: for them one row in each chain is all.
CREATE TRIGGER events_chain_append AFTER INSERT ON events
WHEN NEW.kind IN ('order', 'visit') AND NOT EXISTS (
  SELECT 1 FROM events AS e
  WHERE e.kind = NEW.kind AND e.customer_id = NEW.customer_id AND e.occurred_at > substr(NEW.occurred_at, 1, 10) || 'Z'
) BEGIN
  INSERT INTO daily_people (kind, scope, member, day, previous_day, people)
  SELECT NEW.kind, scopes.scope, scopes.member, substr(NEW.occurred_at, 1, 10),
    coalesce((SELECT substr(e.occurred_at, 1, 10) FROM events AS e
      WHERE e.kind = NEW.kind AND e.customer_id = NEW.customer_id
      AND CASE scopes.scope WHEN 'region' THEN e.region WHEN 'segment' THEN e.segment WHEN 'channel' THEN e.channel
        ELSE '' END = scopes.member
      AND e.occurred_at < substr(NEW.occurred_at, 1, 10) ORDER BY e.occurred_at DESC LIMIT 1), ''),
    1
  FROM (
    SELECT 'total' AS scope, '' AS member UNION ALL SELECT 'region', NEW.region
    UNION ALL SELECT 'segment', NEW.segment UNION ALL SELECT 'channel', NEW.channel
  ) AS scopes
  WHERE NOT EXISTS (
    SELECT 1 FROM events AS e
    WHERE e.kind = NEW.kind AND e.customer_id = NEW.customer_id
      AND CASE scopes.scope WHEN 'region' THEN e.region WHEN 'segment' THEN e.segment WHEN 'channel' THEN e.channel
        ELSE '' END = scopes.member
      AND e.occurred_at BETWEEN substr(NEW.occurred_at, 1, 10) AND substr(NEW.occurred_at, 1, 10) || 'Z'
      AND e.id <> NEW.id
  )
  ON CONFLICT (kind, scope, day, member, previous_day) DO UPDATE SET people = people + 1;
END;

CREATE TRIGGER events_chain_relink AFTER INSERT ON events
WHEN NEW.kind IN ('order', 'visit') AND EXISTS (
  SELECT 1 FROM events AS e
  WHERE e.kind = NEW.kind AND e.customer_id = NEW.customer_id AND e.occurred_at > substr(NEW.occurred_at, 1, 10) || 'Z'
) BEGIN
  INSERT INTO chain_changes (kind, scope, member, day, previous_day, next_day, step)
  SELECT NEW.kind, scopes.scope, scopes.member, substr(NEW.occurred_at, 1, 10),
    coalesce((SELECT substr(e.occurred_at, 1, 10) FROM events AS e
      WHERE e.kind = NEW.kind AND e.customer_id = NEW.customer_id
      AND CASE scopes.scope WHEN 'region' THEN e.region WHEN 'segment' THEN e.segment WHEN 'channel' THEN e.channel
        ELSE '' END = scopes.member
      AND e.occurred_at < substr(NEW.occurred_at, 1, 10) ORDER BY e.occurred_at DESC LIMIT 1), ''),
    (SELECT substr(e.occurred_at, 1, 10) FROM events AS e
      WHERE e.kind = NEW.kind AND e.customer_id = NEW.customer_id
      AND CASE scopes.scope WHEN 'region' THEN e.region WHEN 'segment' THEN e.segment WHEN 'channel' THEN e.channel
        ELSE '' END = scopes.member
      AND e.occurred_at > substr(NEW.occurred_at, 1, 10) || 'Z' ORDER BY e.occurred_at LIMIT 1),
    1
  FROM (
    SELECT 'total' AS scope, '' AS member UNION ALL SELECT 'region', NEW.region
    UNION ALL SELECT 'segment', NEW.segment UNION ALL SELECT 'channel', NEW.channel
  ) AS scopes
  WHERE NOT EXISTS (
    SELECT 1 FROM events AS e
    WHERE e.kind = NEW.kind AND e.customer_id = NEW.customer_id
      AND CASE scopes.scope WHEN 'region' THEN e.region WHEN 'segment' THEN e.segment WHEN 'channel' THEN e.channel
        ELSE '' END = scopes.member
      AND e.occurred_at BETWEEN substr(NEW.occurred_at, 1, 10) AND substr(NEW.occurred_at, 1, 10) || 'Z'
      AND e.id <> NEW.id
  );
END;

CREATE TRIGGER events_chain_delete AFTER DELETE ON events WHEN OLD.kind IN ('order', 'visit') BEGIN
  INSERT INTO chain_changes (kind, scope, member, day, previous_day, next_day, step)
  SELECT OLD.kind, scopes.scope, scopes.member, substr(OLD.occurred_at, 1, 10),
    coalesce((SELECT substr(e.occurred_at, 1, 10) FROM events AS e
      WHERE e.kind = OLD.kind AND e.customer_id = OLD.customer_id
      AND CASE scopes.scope WHEN 'region' THEN e.region WHEN 'segment' THEN e.segment WHEN 'channel' THEN e.channel
        ELSE '' END = scopes.member
      AND e.occurred_at < substr(OLD.occurred_at, 1, 10) ORDER BY e.occurred_at DESC LIMIT 1), ''),
    (SELECT substr(e.occurred_at, 1, 10) FROM events AS e
      WHERE e.kind = OLD.kind AND e.customer_id = OLD.customer_id
      AND CASE scopes.scope WHEN 'region' THEN e.region WHEN 'segment' THEN e.segment WHEN 'channel' THEN e.channel
        ELSE '' END = scopes.member
      AND e.occurred_at > substr(OLD.occurred_at, 1, 10) || 'Z' ORDER BY e.occurred_at LIMIT 1),
    -1
  FROM (
    SELECT 'total' AS scope, '' AS member UNION ALL SELECT 'region', OLD.region
    UNION ALL SELECT 'segment', OLD.segment UNION ALL SELECT 'channel', OLD.channel
  ) AS scopes
  WHERE NOT EXISTS (
    SELECT 1 FROM events AS e
    WHERE e.kind = OLD.kind AND e.customer_id = OLD.customer_id
      AND CASE scopes.scope WHEN 'region' THEN e.region WHEN 'segment' THEN e.segment WHEN 'channel' THEN e.channel
        ELSE '' END = scopes.member
      AND e.occurred_at BETWEEN substr(OLD.occurred_at, 1, 10) AND substr(OLD.occurred_at, 1, 10) || 'Z'
      AND e.id <> OLD.id
  );
END;
