-- Who saw a link on a page in place of its person, and so could use it: the id of a person. NULL for one in the mail, and for
-- one that a command printed.
ALTER TABLE password_link ADD COLUMN shown_to TEXT;

-- A link went to the address that its person had: it ends when that changes.
CREATE TRIGGER user_email_changed AFTER UPDATE OF "email" ON "user"
WHEN old."email" IS NOT new."email" BEGIN
  DELETE FROM password_link WHERE user_id = new."id";
END;
