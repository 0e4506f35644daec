-- A link that a page showed ends when its reader is disabled, gets another role or is removed: pages and imports then count no
-- link as open that its person cannot use.
CREATE INDEX password_link_by_reader ON password_link (shown_to) WHERE shown_to IS NOT NULL;

CREATE TRIGGER user_reader_changed AFTER UPDATE OF "role", "disabled" ON "user"
WHEN new."disabled" = 1 OR old."role" IS NOT new."role" BEGIN
  DELETE FROM password_link WHERE shown_to = new."id";
END;

CREATE TRIGGER user_reader_removed AFTER DELETE ON "user" BEGIN
  DELETE FROM password_link WHERE shown_to = old."id";
END;

DELETE FROM password_link WHERE shown_to IS NOT NULL
  AND shown_to NOT IN (SELECT "id" FROM "user" WHERE "disabled" = 0);
