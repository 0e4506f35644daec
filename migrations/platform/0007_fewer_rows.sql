-- A record writes its own row and its place in the chain, and nothing else: what indexes told is told by two small tables.

-- When each app of a person last called. Written once for a batch of records instead of an index entry for each.
CREATE TABLE audit_last_use (
  chain     TEXT NOT NULL,
  client_id TEXT NOT NULL,
  at        INTEGER NOT NULL, -- milliseconds since the epoch
  PRIMARY KEY (chain, client_id)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_last_use (chain, client_id, at)
  SELECT chain, client_id, max(at) FROM audit_record
   WHERE type = 'intent' AND client_id IS NOT NULL GROUP BY chain, client_id;

-- How far each chain is known to have no event of a call left. Time never decreases along a chain, so what is past its
-- time comes first, and nothing has to be indexed by age but what is rare.
CREATE TABLE audit_swept (
  chain   TEXT PRIMARY KEY,
  through INTEGER NOT NULL -- sequence
) STRICT, WITHOUT ROWID;

DROP INDEX audit_record_by_client;
DROP INDEX audit_record_full;
DROP INDEX audit_record_by_age;
CREATE INDEX audit_record_by_age ON audit_record (type, at)
  WHERE event IS NOT NULL AND type NOT IN ('intent', 'outcome');
