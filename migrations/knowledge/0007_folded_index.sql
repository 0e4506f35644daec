-- The full-text index holds words as shared/text makes them: folded, and cut where a script has no spaces. SQL cannot do
-- that, so the index no longer reads the passages itself; the Worker writes both in one batch, and `folded` says by
-- which version of the folding a passage was indexed. 0: as SQL can, which is right for ASCII; the Worker indexes these
-- again, some with a search and the rest every hour.

ALTER TABLE passages ADD COLUMN folded INTEGER NOT NULL DEFAULT 0;

UPDATE passages SET folded = 1
WHERE NOT title || heading || body || tags GLOB '*[^' || char(9) || char(10) || char(13) || ' -~–—‘’“”…•→]*';

CREATE INDEX passages_by_folding ON passages (folded, id);

DROP TRIGGER passages_added;
DROP TRIGGER passages_removed;
DROP TABLE passages_index;

CREATE VIRTUAL TABLE passages_index USING fts5 (
  title, heading, body, tags, collection,
  content = '', contentless_delete = 1,
  tokenize = 'porter unicode61 remove_diacritics 2'
);

INSERT INTO passages_index (rowid, title, heading, body, tags, collection)
SELECT id, title, heading, body, tags, collection FROM passages ORDER BY id;

-- A Worker of the version before says nothing about folding.
CREATE TRIGGER passages_added AFTER INSERT ON passages WHEN new.folded = 0 BEGIN
  INSERT INTO passages_index (rowid, title, heading, body, tags, collection)
  VALUES (new.id, new.title, new.heading, new.body, new.tags, new.collection);
END;

CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
  DELETE FROM passages_index WHERE rowid = old.id;
END;
