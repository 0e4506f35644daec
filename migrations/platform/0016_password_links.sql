-- Links with which a person chooses a password: once, within days. Only the SHA-256 of 256 random bits is stored. Times are
-- milliseconds since the epoch.
CREATE TABLE password_link (
  digest     TEXT PRIMARY KEY,
  user_id    TEXT NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
  kind       TEXT NOT NULL CHECK (kind IN ('invitation', 'reset')),
  by         TEXT NOT NULL, -- the command, and who ran it
  created_at INTEGER NOT NULL,
  ends_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX password_link_by_user ON password_link (user_id);
CREATE INDEX password_link_by_end ON password_link (ends_at);

-- However a password changes (a link, the account page, a command): every link of that person has ended.
CREATE TRIGGER account_password_changed AFTER UPDATE OF "password" ON "account"
WHEN old."password" IS NOT new."password" BEGIN
  DELETE FROM password_link WHERE user_id = new."userId";
END;
