-- Provisioned people whose role has to follow their groups. Written in the transaction that changes the groups, so that a
-- request that ends half way leaves no role behind: the five-minute job does the rest. A later change makes another
-- revision, and only who has read that one may clear the row.
CREATE TABLE scim_due (
  user_id  TEXT PRIMARY KEY REFERENCES scim_user (user_id) ON DELETE CASCADE,
  revision TEXT NOT NULL
) STRICT, WITHOUT ROWID;
