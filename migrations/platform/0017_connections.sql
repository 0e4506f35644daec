-- Passwords of connections, sealed by the Worker (AES-256-GCM). A removed one leaves its version without a text.
CREATE TABLE connection_secret (
  name       TEXT NOT NULL,
  version    INTEGER NOT NULL,
  sealed     TEXT,
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (name, version)
) WITHOUT ROWID;

-- One-time tickets with which the command of connections proves that it writes to this database. The digest only.
CREATE TABLE connection_ticket (
  digest     TEXT PRIMARY KEY CHECK (length(digest) = 64),
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
