-- When owner or review date of an article were set last, and by whom: subscribers are told of it.
ALTER TABLE articles ADD COLUMN reviewed_at TEXT;
ALTER TABLE articles ADD COLUMN reviewed_by_name TEXT;
CREATE INDEX articles_by_reviewed_at ON articles (reviewed_at) WHERE reviewed_at IS NOT NULL;
