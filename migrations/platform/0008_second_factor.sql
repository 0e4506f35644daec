-- The second factor: the table of better-auth 1.6.30's plug-in. Secret and backup codes are encrypted with the newest
-- key of BETTER_AUTH_SECRET before they come here; dates are ISO 8601 text, booleans 0 and 1.
ALTER TABLE "user" ADD COLUMN "twoFactorEnabled" INTEGER NOT NULL DEFAULT 0;

-- When a second factor was last given on this browser; milliseconds since the epoch.
ALTER TABLE "session" ADD COLUMN "mfaAt" INTEGER;

CREATE TABLE "twoFactor" (
  "id" TEXT NOT NULL PRIMARY KEY,
  "secret" TEXT NOT NULL,
  "backupCodes" TEXT NOT NULL,
  "userId" TEXT NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
  "verified" INTEGER NOT NULL DEFAULT 0,
  "failedVerificationCount" INTEGER NOT NULL DEFAULT 0,
  "lockedUntil" TEXT
);
CREATE INDEX "twoFactor_userId" ON "twoFactor" ("userId");
