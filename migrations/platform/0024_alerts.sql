-- What is wrong, or was. Times are milliseconds since the epoch.
CREATE TABLE alert (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  kind        TEXT NOT NULL,
  subject     TEXT NOT NULL, -- what it is about within its kind; '' for the whole
  text        TEXT NOT NULL, -- one sentence
  begun_at    INTEGER NOT NULL,
  resolved_at INTEGER        -- NULL while it lasts
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX alert_resolved ON alert (resolved_at) WHERE resolved_at IS NOT NULL;

-- What a target has been told. A message without a row is sent again, under the same id.
CREATE TABLE alert_delivery (
  alert  INTEGER NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  change TEXT NOT NULL, -- begun, resolved
  target TEXT NOT NULL, -- webhook, slack
  at     INTEGER NOT NULL,
  PRIMARY KEY (alert, change, target)
) STRICT, WITHOUT ROWID;
