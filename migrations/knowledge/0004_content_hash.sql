-- SHA-256 of an imported text alone, so that the same text under two names in one collection is recognised. The index
-- over the hash of everything, which goes, could not tell: that hash holds the path.
DROP INDEX articles_by_hash;

ALTER TABLE articles ADD COLUMN content_hash TEXT;
