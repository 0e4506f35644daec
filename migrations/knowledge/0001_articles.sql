-- The knowledge base: collections of Markdown articles, every version of each, and the passages that are searched.

CREATE TABLE collections (
  id          INTEGER PRIMARY KEY,
  slug        TEXT NOT NULL UNIQUE,
  title       TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  created_at  TEXT NOT NULL,
  created_by  TEXT NOT NULL
) STRICT;

-- One row per article: what it is now. Its text is in article_versions at `version`.
CREATE TABLE articles (
  id              INTEGER PRIMARY KEY,
  slug            TEXT NOT NULL UNIQUE,
  collection_id   INTEGER NOT NULL REFERENCES collections (id),
  title           TEXT NOT NULL,
  tags            TEXT NOT NULL DEFAULT '[]',
  metadata        TEXT NOT NULL DEFAULT '{}',
  version         INTEGER NOT NULL,
  -- Set for imported articles only: the file, the hash of what was imported, and the version the import wrote.
  source_path     TEXT,
  source_hash     TEXT,
  source_version  INTEGER,
  created_at      TEXT NOT NULL,
  created_by      TEXT NOT NULL,
  created_by_name TEXT NOT NULL,
  updated_at      TEXT NOT NULL,
  updated_by      TEXT NOT NULL,
  updated_by_name TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX articles_by_source ON articles (collection_id, source_path) WHERE source_path IS NOT NULL;
-- People may not create the same article twice; imported files may well share a title.
CREATE UNIQUE INDEX articles_by_title ON articles (collection_id, title COLLATE NOCASE) WHERE source_path IS NULL;
CREATE INDEX articles_by_change ON articles (updated_at DESC, id DESC);
CREATE INDEX articles_by_collection ON articles (collection_id, updated_at DESC, id DESC);

-- What was written, by whom and when. The primary key is also the guard against two writers: the second one
-- to write the same next version fails, and its whole batch with it.
CREATE TABLE article_versions (
  article_id  INTEGER NOT NULL REFERENCES articles (id),
  version     INTEGER NOT NULL,
  title       TEXT NOT NULL,
  body        TEXT NOT NULL,
  tags        TEXT NOT NULL DEFAULT '[]',
  change_note TEXT NOT NULL DEFAULT '',
  author_id   TEXT NOT NULL,
  author_name TEXT NOT NULL,
  created_at  TEXT NOT NULL,
  PRIMARY KEY (article_id, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER article_versions_are_final BEFORE UPDATE ON article_versions BEGIN
  SELECT RAISE(ABORT, 'article versions are never changed');
END;

CREATE TRIGGER article_versions_are_kept BEFORE DELETE ON article_versions BEGIN
  SELECT RAISE(ABORT, 'article versions are never deleted');
END;

-- The current version, cut along its headings. Laid end to end in `ordinal` order, the bodies are the article.
CREATE TABLE passages (
  id         INTEGER PRIMARY KEY,
  article_id INTEGER NOT NULL REFERENCES articles (id),
  ordinal    INTEGER NOT NULL,
  -- Depth of the heading above the passage, 0 before the first one; `anchor` is that heading's fragment.
  level      INTEGER NOT NULL,
  anchor     TEXT NOT NULL,
  title      TEXT NOT NULL,
  heading    TEXT NOT NULL,
  body       TEXT NOT NULL,
  tags       TEXT NOT NULL,
  UNIQUE (article_id, ordinal)
) STRICT;

CREATE VIRTUAL TABLE passages_index USING fts5 (
  title, heading, body, tags,
  content = 'passages', content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);

CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
  INSERT INTO passages_index (rowid, title, heading, body, tags)
  VALUES (new.id, new.title, new.heading, new.body, new.tags);
END;

CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
  INSERT INTO passages_index (passages_index, rowid, title, heading, body, tags)
  VALUES ('delete', old.id, old.title, old.heading, old.body, old.tags);
END;
