-- Counts how often a person's role changed, or their account was disabled or enabled: what was approved before such a
-- change does not hold after it, even when the role is the same again.
ALTER TABLE "user" ADD COLUMN "roleRevision" INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER user_role_revision AFTER UPDATE OF "role", "disabled" ON "user"
WHEN old."role" IS NOT new."role" OR old."disabled" IS NOT new."disabled" BEGIN
  UPDATE "user" SET "roleRevision" = "roleRevision" + 1 WHERE "id" = new."id";
END;
