-- An API key is a service account, and may prove itself otherwise than by its own text: with a signature that its public
-- key verifies (private_key_jwt, RFC 7523), or with the JSON Web Token of an issuer that the policy trusts. Rotation,
-- overlap and end are those of its secrets: each row of access_key_secret is one term of the account.
ALTER TABLE access_key ADD COLUMN proof TEXT NOT NULL DEFAULT 'secret' CHECK (proof IN ('secret', 'public_key', 'workload'));
ALTER TABLE access_key_secret ADD COLUMN public_key TEXT CHECK (public_key IS NULL OR json_valid(public_key)); -- a JWK
