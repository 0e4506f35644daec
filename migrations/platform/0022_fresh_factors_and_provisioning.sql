-- A second factor that a person gave for one of their apps, while a call of it waited. Times are milliseconds since the
-- epoch. It counts like the factor with which the app was connected, until it is as old.
CREATE TABLE fresh_factor (
  user_id  TEXT NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
  grant_id TEXT NOT NULL, -- of a connected app, or the id of an API key
  mfa_at   INTEGER NOT NULL,
  PRIMARY KEY (user_id, grant_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX fresh_factor_by_time ON fresh_factor (mfa_at);

-- People and groups that another system provisions (SCIM 2.0, RFC 7643). Only people with a row here can be read and
-- changed there.
CREATE TABLE scim_user (
  user_id     TEXT PRIMARY KEY REFERENCES "user" ("id") ON DELETE CASCADE,
  external_id TEXT,
  created_at  INTEGER NOT NULL, -- milliseconds since the epoch
  updated_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX scim_user_external ON scim_user (external_id);

CREATE TABLE scim_group (
  id           TEXT PRIMARY KEY,
  display_name TEXT NOT NULL UNIQUE,
  external_id  TEXT,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE scim_member (
  group_id TEXT NOT NULL REFERENCES scim_group (id) ON DELETE CASCADE,
  user_id  TEXT NOT NULL REFERENCES scim_user (user_id) ON DELETE CASCADE,
  PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX scim_member_by_user ON scim_member (user_id);

-- Passkeys (WebAuthn): the public key of each, and how often it has signed where its maker counts. Not secret. Times are
-- milliseconds since the epoch.
CREATE TABLE passkey (
  id           TEXT PRIMARY KEY, -- the credential's id, base64url
  user_id      TEXT NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
  name         TEXT NOT NULL,
  public_key   TEXT NOT NULL,    -- COSE key, base64url
  counter      INTEGER NOT NULL,
  transports   TEXT NOT NULL,    -- JSON list
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_by_user ON passkey (user_id, created_at);
