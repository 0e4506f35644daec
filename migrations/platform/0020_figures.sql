-- What pages and /metrics show of the trail. All of it is made from audit_record by the consumer, in windows by id: what
-- a window adds and the place after it are one transaction, so a record counts once however often it is delivered. A
-- deployment with a trail begins at its oldest record. Times are milliseconds since the epoch.
CREATE TABLE figure_place (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  through INTEGER NOT NULL, -- id of the last audit_record that is counted
  until   INTEGER           -- id of the last record of the window that is being counted
) STRICT;
INSERT INTO figure_place (one, through) VALUES (1, 0);

-- One row a call, to search by. It is gone with the event of the record that it was made from.
CREATE TABLE trail_call (
  at          INTEGER NOT NULL,
  id          INTEGER NOT NULL, -- of the audit_record that began it
  call_id     TEXT NOT NULL UNIQUE,
  chain       TEXT NOT NULL,
  sequence    INTEGER NOT NULL,
  trace_id    TEXT NOT NULL,
  client_id   TEXT NOT NULL,
  session_id  TEXT,
  kind        TEXT NOT NULL,    -- tool, resource, prompt
  server      TEXT NOT NULL,
  name        TEXT NOT NULL,
  decision    TEXT NOT NULL,    -- allow, deny, scope, mfa
  rule        TEXT NOT NULL,
  status      TEXT,             -- ok, failed, denied, limited, waiting, unknown; NULL while it runs
  error       TEXT,
  duration_ms INTEGER,
  PRIMARY KEY (at, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX trail_call_by_person ON trail_call (chain, at, id);
CREATE INDEX trail_call_by_app ON trail_call (client_id, at, id);
CREATE INDEX trail_call_by_name ON trail_call (name, at, id);
CREATE INDEX trail_call_by_trace ON trail_call (trace_id, at, id);
CREATE INDEX trail_call_not_ok ON trail_call (status, at, id) WHERE status <> 'ok';

CREATE TRIGGER trail_call_emptied AFTER UPDATE OF event ON audit_record WHEN NEW.event IS NULL BEGIN
  DELETE FROM trail_call WHERE at = OLD.body ->> '$.at' AND id = OLD.id;
END;
CREATE TRIGGER trail_call_cut AFTER DELETE ON audit_record BEGIN
  DELETE FROM trail_call WHERE at = OLD.body ->> '$.at' AND id = OLD.id;
END;

-- Outcomes that were stored before the beginning of their call.
CREATE TABLE early_outcome (
  call_id     TEXT PRIMARY KEY,
  at          INTEGER NOT NULL,
  status      TEXT NOT NULL,
  error       TEXT,
  duration_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Calls by minute, hour and day (UTC), and since the beginning (grain 0, at 0), by what `dimension` names.
CREATE TABLE call_figure (
  grain       INTEGER NOT NULL, -- seconds: 60, 3600, 86400; 0 for everything
  dimension   TEXT NOT NULL,    -- all, server, operation, person, app
  at          INTEGER NOT NULL, -- beginning of the span
  member      TEXT NOT NULL,    -- '', 'crm', 'tool crm crm_find_contacts', user id, client id
  calls       INTEGER NOT NULL, -- begun in this span; all others ended in it
  ok          INTEGER NOT NULL,
  failed      INTEGER NOT NULL,
  denied      INTEGER NOT NULL,
  limited     INTEGER NOT NULL,
  waiting     INTEGER NOT NULL, -- ended with a question or for an approval
  unknown     INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL, -- sum over ok and failed, as are the histogram's counts
  le_10       INTEGER NOT NULL, -- milliseconds: more than the bound before, at most this one
  le_20       INTEGER NOT NULL,
  le_50       INTEGER NOT NULL,
  le_100      INTEGER NOT NULL,
  le_200      INTEGER NOT NULL,
  le_500      INTEGER NOT NULL,
  le_1000     INTEGER NOT NULL,
  le_2000     INTEGER NOT NULL,
  le_5000     INTEGER NOT NULL,
  le_10000    INTEGER NOT NULL,
  le_30000    INTEGER NOT NULL,
  le_60000    INTEGER NOT NULL,
  le_120000   INTEGER NOT NULL,
  le_300000   INTEGER NOT NULL,
  over_300000 INTEGER NOT NULL,
  PRIMARY KEY (grain, dimension, at, member)
) STRICT, WITHOUT ROWID;

-- Other counts of the same spans: why calls were denied or failed, by which rule, steps of approvals, sign-ins.
CREATE TABLE reason_figure (
  grain INTEGER NOT NULL,
  kind  TEXT NOT NULL,    -- denial, rule, error, approval, sign_in
  at    INTEGER NOT NULL,
  name  TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (grain, kind, at, name)
) STRICT, WITHOUT ROWID;
