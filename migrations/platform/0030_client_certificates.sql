-- Client certificates (mTLS) that calls with a key must come with: SHA-256 fingerprints; ["required"] for any that
-- Cloudflare has verified, [] for none.
ALTER TABLE access_key ADD COLUMN certificates TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(certificates));
