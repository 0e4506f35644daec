-- People whose provisioning has ended, and who have been kept out since: only they are provisioned again with the same
-- address. An account that was enabled by hand meanwhile is no longer the provisioning system's.
CREATE TABLE scim_removed (
  user_id    TEXT PRIMARY KEY REFERENCES "user" ("id") ON DELETE CASCADE,
  removed_at INTEGER NOT NULL -- milliseconds since the epoch
) STRICT, WITHOUT ROWID;
CREATE TRIGGER scim_removed_enabled AFTER UPDATE OF "disabled" ON "user" WHEN NEW."disabled" = 0 BEGIN
  DELETE FROM scim_removed WHERE user_id = NEW."id";
END;
