-- Passages know their collection inside the full-text index, so that a search narrowed to some collections, or
-- kept out of others, skips the rest instead of reading and dropping it. `passages_terms` tells how many passages
-- hold a stem: what ranking weighs words by.

ALTER TABLE passages ADD COLUMN collection TEXT NOT NULL DEFAULT '';

UPDATE passages SET collection = 'c' || (SELECT collection_id FROM articles WHERE id = passages.article_id);

DROP TRIGGER passages_added;
DROP TRIGGER passages_removed;
DROP TABLE passages_index;

CREATE VIRTUAL TABLE passages_index USING fts5 (
  title, heading, body, tags, collection,
  content = 'passages', content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);

CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
  INSERT INTO passages_index (rowid, title, heading, body, tags, collection)
  VALUES (new.id, new.title, new.heading, new.body, new.tags, new.collection);
END;

CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
  INSERT INTO passages_index (passages_index, rowid, title, heading, body, tags, collection)
  VALUES ('delete', old.id, old.title, old.heading, old.body, old.tags, old.collection);
END;

INSERT INTO passages_index (passages_index) VALUES ('rebuild');

CREATE VIRTUAL TABLE passages_terms USING fts5vocab ('passages_index', 'row');

-- Which roles may read and write a collection: JSON lists of role names, NULL for every role.
ALTER TABLE collections ADD COLUMN readers TEXT;
ALTER TABLE collections ADD COLUMN writers TEXT;

-- Kept by triggers, so that listing the collections does not count every article.
ALTER TABLE collections ADD COLUMN articles INTEGER NOT NULL DEFAULT 0;

UPDATE collections SET articles = (SELECT count(*) FROM articles WHERE collection_id = collections.id);

CREATE TRIGGER articles_counted AFTER INSERT ON articles BEGIN
  UPDATE collections SET articles = articles + 1 WHERE id = new.collection_id;
END;

-- One row per tag of an article, newest change first: a page of a tag is read without the other articles.
-- Written by the triggers alone, which is why it needs no foreign key.
CREATE TABLE article_tags (
  tag        TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  article_id INTEGER NOT NULL,
  PRIMARY KEY (tag, updated_at, article_id)
) STRICT, WITHOUT ROWID;

INSERT INTO article_tags (tag, updated_at, article_id)
SELECT DISTINCT value, updated_at, articles.id FROM articles, json_each(articles.tags);

CREATE TRIGGER articles_tagged AFTER INSERT ON articles BEGIN
  INSERT INTO article_tags (tag, updated_at, article_id) SELECT DISTINCT value, new.updated_at, new.id FROM json_each(new.tags);
END;

CREATE TRIGGER articles_tagged_anew AFTER UPDATE OF tags, updated_at ON articles BEGIN
  DELETE FROM article_tags
  WHERE article_id = old.id AND updated_at = old.updated_at AND tag IN (SELECT value FROM json_each(old.tags));
  INSERT INTO article_tags (tag, updated_at, article_id) SELECT DISTINCT value, new.updated_at, new.id FROM json_each(new.tags);
END;

-- Who answers for an article, and when it is to be looked at again (a day, ISO 8601).
ALTER TABLE articles ADD COLUMN owner TEXT;
ALTER TABLE articles ADD COLUMN review_on TEXT;
-- The version whose passages the vector index holds; NULL before the first one. Where it differs, work is pending.
ALTER TABLE articles ADD COLUMN embedded_version INTEGER;

CREATE INDEX articles_by_review ON articles (review_on, id) WHERE review_on IS NOT NULL;
CREATE INDEX articles_unembedded ON articles (id) WHERE embedded_version IS NOT version;

-- What readers said. One row a person, article and question; saying it again replaces it.
CREATE TABLE feedback (
  id          INTEGER PRIMARY KEY,
  verdict     TEXT NOT NULL CHECK (verdict IN ('useful', 'not_useful', 'missing')),
  -- NULL for a missing answer that belongs to no article.
  article_id  INTEGER REFERENCES articles (id),
  collection_id INTEGER REFERENCES collections (id),
  question    TEXT NOT NULL DEFAULT '',
  -- The question without case, stop words and endings: what gaps are counted by.
  question_key TEXT NOT NULL DEFAULT '',
  comment     TEXT NOT NULL DEFAULT '',
  user_id     TEXT NOT NULL,
  user_name   TEXT NOT NULL,
  created_at  TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX feedback_once ON feedback (user_id, coalesce(article_id, 0), question_key);
CREATE INDEX feedback_by_time ON feedback (created_at DESC, id DESC) WHERE verdict <> 'useful';
CREATE INDEX feedback_by_article ON feedback (article_id, created_at DESC);
