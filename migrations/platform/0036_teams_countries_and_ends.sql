-- Teams: service accounts that belong to several people. A team is an account in "user", with a role, which its service
-- accounts call as; it never signs in. Its members are those of a provisioned group, or people named one by one. Times are
-- milliseconds since the epoch.
CREATE TABLE team (
  id         TEXT PRIMARY KEY REFERENCES "user" ("id") ON DELETE CASCADE,
  group_id   TEXT REFERENCES scim_group (id) ON DELETE SET NULL,
  stopped_at INTEGER,                      -- when its last active member left, once its sessions were told
  changes    INTEGER NOT NULL DEFAULT 0,   -- how often it has stopped or started
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX team_by_group ON team (group_id) WHERE group_id IS NOT NULL;

CREATE TABLE team_member (
  team_id TEXT NOT NULL REFERENCES team (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
  PRIMARY KEY (team_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_member_by_user ON team_member (user_id);

-- Who manages a team's service accounts now: its active members. A person without a role may do nothing, so this neither.
CREATE VIEW team_holder (team_id, user_id) AS
  SELECT team_id, user_id FROM team_member
    JOIN "user" AS person ON person."id" = user_id AND person."disabled" = 0 AND person."role" <> '-'
  UNION ALL
  SELECT team.id, scim_member.user_id FROM team
    JOIN scim_member ON scim_member.group_id = team.group_id
    JOIN "user" AS person ON person."id" = scim_member.user_id AND person."disabled" = 0 AND person."role" <> '-';

-- Who is named a member of a team, active or not: they decide nothing about it.
CREATE VIEW team_belonging (team_id, user_id) AS
  SELECT team_id, user_id FROM team_member
  UNION ALL
  SELECT team.id, scim_member.user_id FROM team JOIN scim_member ON scim_member.group_id = team.group_id;

-- Who made a secret, and so has seen it: they do not approve what is asked with it.
ALTER TABLE access_key_secret ADD COLUMN made_by TEXT REFERENCES "user" ("id") ON DELETE SET NULL;
CREATE INDEX access_key_secret_by_maker ON access_key_secret (made_by) WHERE made_by IS NOT NULL;

-- No way of signing in makes a session of a team, or gives it a password.
CREATE TRIGGER team_has_no_session BEFORE INSERT ON "session"
  WHEN EXISTS (SELECT 1 FROM team WHERE id = NEW."userId") BEGIN
  SELECT RAISE(ABORT, 'A team does not sign in.');
END;
CREATE TRIGGER team_has_no_password BEFORE INSERT ON "account"
  WHEN EXISTS (SELECT 1 FROM team WHERE id = NEW."userId") BEGIN
  SELECT RAISE(ABORT, 'A team does not sign in.');
END;
CREATE TRIGGER team_has_no_team BEFORE INSERT ON team_member
  WHEN EXISTS (SELECT 1 FROM team WHERE id = NEW.user_id) BEGIN
  SELECT RAISE(ABORT, 'A team is no member of another one.');
END;

-- From which countries a person or an app has called, for the alert about a new one: two letters each, so that a member has
-- a few hundred rows at most.
CREATE TABLE known_country (
  dimension TEXT NOT NULL CHECK (dimension IN ('person', 'app')),
  member    TEXT NOT NULL, -- user id, or client id
  country   TEXT NOT NULL CHECK (length(country) = 2),
  first_at  INTEGER NOT NULL,
  last_at   INTEGER NOT NULL, -- at most a day late
  PRIMARY KEY (dimension, member, country)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_country_by_time ON known_country (first_at);
CREATE INDEX known_country_by_use ON known_country (last_at);
CREATE TRIGGER user_countries_removed AFTER DELETE ON "user" BEGIN
  DELETE FROM known_country WHERE dimension = 'person' AND member = OLD."id";
END;
CREATE TRIGGER access_key_countries_removed AFTER DELETE ON access_key BEGIN
  DELETE FROM known_country WHERE dimension = 'app' AND member = OLD.id;
END;

-- When the other system ends a secret of a connection, as its owner says; and a person's grant there, as it said itself.
ALTER TABLE connection_secret ADD COLUMN expires_at INTEGER;
ALTER TABLE person_account ADD COLUMN expires_at INTEGER;

-- Subscriptions to events that are in force, for the console, as open_session and open_task. Times are milliseconds since the
-- epoch.
CREATE TABLE open_subscription (
  id        TEXT PRIMARY KEY, -- as in the trail
  person    TEXT NOT NULL,
  client_id TEXT NOT NULL,
  server    TEXT NOT NULL,    -- path segment of the URL; '' for everything
  name      TEXT NOT NULL,    -- of the event
  host      TEXT NOT NULL,    -- of the receiver: a path may hold a secret
  begun_at  INTEGER NOT NULL,
  until     INTEGER NOT NULL  -- unless it is renewed; at most an hour late
) STRICT, WITHOUT ROWID;
CREATE INDEX open_subscription_by_begin ON open_subscription (begun_at, id);
CREATE INDEX open_subscription_by_person ON open_subscription (person, begun_at);
CREATE TRIGGER user_subscriptions_forgotten AFTER DELETE ON "user" BEGIN
  DELETE FROM open_subscription WHERE person = OLD."id";
END;
