-- The browser session that started to set a second factor up: only there is its secret shown, and confirmed, before it
-- counts. What an earlier release started says no session, and is started once more.
ALTER TABLE "twoFactor" ADD COLUMN "startedIn" TEXT;
