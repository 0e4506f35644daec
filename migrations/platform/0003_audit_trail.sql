-- The audit trail: one row a record, written by the queue consumer from the Principal objects' chains.
-- What is stored is the hashed text itself; the columns to search by are computed from it, so that they cannot say
-- anything else. `id` counts arrivals and tells a checkpoint what is new; `sequence` is the place in the chain.
-- call_log stays for the release before, which writes to it until the new one serves; nothing reads it any more.
CREATE TABLE audit_record (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  chain     TEXT NOT NULL,    -- user id, or gatehouse:strangers
  sequence  INTEGER NOT NULL, -- 1, 2, 3 …
  hash      TEXT NOT NULL,    -- SHA-256 of body, hexadecimal
  body      TEXT NOT NULL,    -- canonical JSON (RFC 8785)
  at        INTEGER NOT NULL GENERATED ALWAYS AS (body ->> '$.at') VIRTUAL, -- milliseconds since the epoch
  type      TEXT NOT NULL GENERATED ALWAYS AS (body ->> '$.event.type') VIRTUAL,
  client_id TEXT GENERATED ALWAYS AS (body ->> '$.event.clientId') VIRTUAL,
  UNIQUE (chain, sequence)
) STRICT;

CREATE INDEX audit_record_by_client ON audit_record (chain, client_id, at) WHERE type = 'intent';

-- Signed heads of the chains, written hourly. Apart from the records, and chained among themselves.
CREATE TABLE audit_checkpoint (
  number    INTEGER PRIMARY KEY, -- 1, 2, 3 …
  body      TEXT NOT NULL,       -- canonical JSON (RFC 8785)
  key_id    TEXT NOT NULL,
  signature TEXT NOT NULL        -- Ed25519 over body, base64url
) STRICT;
