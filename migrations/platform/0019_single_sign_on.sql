-- People whom another system vouches for: issuer and subject together name a person there, and never an e-mail address.
-- A person has one such identity. Times are milliseconds since the epoch.
CREATE TABLE federated_identity (
  issuer     TEXT NOT NULL,
  subject    TEXT NOT NULL,
  user_id    TEXT NOT NULL UNIQUE REFERENCES "user" ("id") ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  last_at    INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

-- When the person last proved who they are, where that is not when the session began: an issuer may sign in a person
-- who proved it hours ago. 0: the issuer does not say. NULL: when the session began.
ALTER TABLE "session" ADD COLUMN "provenAt" INTEGER;
