-- The name by which a provisioning system knows a person (SCIM userName), where it is no e-mail address; NULL where it is the
-- address with which they sign in.
ALTER TABLE scim_user ADD COLUMN user_name TEXT;
CREATE UNIQUE INDEX scim_user_name ON scim_user (user_name COLLATE NOCASE) WHERE user_name IS NOT NULL;
