-- People, their sessions and passwords: the tables of better-auth 1.6.30 (camelCase columns, dates as ISO 8601 text,
-- booleans as 0 and 1), with two columns of ours on "user": role and disabled.

CREATE TABLE "user" (
  "id" TEXT NOT NULL PRIMARY KEY CHECK (instr("id", ':') = 0),
  "name" TEXT NOT NULL,
  "email" TEXT NOT NULL UNIQUE CHECK ("email" = lower("email")),
  "emailVerified" INTEGER NOT NULL DEFAULT 0,
  "image" TEXT,
  "createdAt" TEXT NOT NULL,
  "updatedAt" TEXT NOT NULL,
  "role" TEXT NOT NULL DEFAULT 'viewer',
  "disabled" INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE "session" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "expiresAt" TEXT NOT NULL,
  "token" TEXT NOT NULL UNIQUE,
  "createdAt" TEXT NOT NULL,
  "updatedAt" TEXT NOT NULL,
  "ipAddress" TEXT,
  "userAgent" TEXT,
  "userId" TEXT NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE
);
CREATE INDEX "session_userId" ON "session" ("userId");
CREATE INDEX "session_expiresAt" ON "session" ("expiresAt");

CREATE TABLE "account" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "accountId" TEXT NOT NULL,
  "providerId" TEXT NOT NULL,
  "userId" TEXT NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
  "accessToken" TEXT,
  "refreshToken" TEXT,
  "idToken" TEXT,
  "accessTokenExpiresAt" TEXT,
  "refreshTokenExpiresAt" TEXT,
  "scope" TEXT,
  "password" TEXT,
  "createdAt" TEXT NOT NULL,
  "updatedAt" TEXT NOT NULL
);
CREATE INDEX "account_userId" ON "account" ("userId");

CREATE TABLE "verification" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "identifier" TEXT NOT NULL,
  "value" TEXT NOT NULL,
  "expiresAt" TEXT NOT NULL,
  "createdAt" TEXT NOT NULL,
  "updatedAt" TEXT NOT NULL
);
CREATE INDEX "verification_identifier" ON "verification" ("identifier");

-- Counts attempts at the door (sign-in, registration of clients) in fixed windows; keys are SHA-256 digests,
-- so that the table holds no e-mail address that somebody merely typed. Times are milliseconds since the epoch.
CREATE TABLE attempt_counter (
  key TEXT NOT NULL PRIMARY KEY,
  count INTEGER NOT NULL,
  window_ends_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX attempt_counter_window ON attempt_counter (window_ends_at);
