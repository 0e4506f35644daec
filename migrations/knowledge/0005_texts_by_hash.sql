-- Documents are also imported through the door, some at a time: whether a collection has a text is then asked for a few
-- hashes, and no longer by reading everything that was ever imported.
CREATE INDEX articles_by_text ON articles (collection_id, content_hash) WHERE content_hash IS NOT NULL;
