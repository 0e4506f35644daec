-- People by their names alone. In contacts_fts a word of every address ("gmail") has to be passed once for each person
-- before it is known that no name holds it; here only names and companies are.

CREATE VIRTUAL TABLE contacts_names_fts USING fts5 (
  name, company, facets,
  content = '', contentless_delete = 1, prefix = '1 2 3 4',
  tokenize = 'unicode61 remove_diacritics 2'
);

INSERT INTO contacts_names_fts (rowid, name, company, facets)
SELECT seq, name, company, facets FROM contacts_search_text ORDER BY seq;

CREATE TRIGGER contacts_names_insert AFTER INSERT ON contacts BEGIN
  INSERT INTO contacts_names_fts (rowid, name, company, facets)
  SELECT seq, name, company, facets FROM contacts_search_text WHERE seq = new.seq;
END;

CREATE TRIGGER contacts_names_update
AFTER UPDATE OF first_name, last_name, company_id, owner_id ON contacts BEGIN
  DELETE FROM contacts_names_fts WHERE rowid = old.seq;
  INSERT INTO contacts_names_fts (rowid, name, company, facets)
  SELECT seq, name, company, facets FROM contacts_search_text WHERE seq = new.seq;
END;

CREATE TRIGGER contacts_names_delete AFTER DELETE ON contacts BEGIN
  DELETE FROM contacts_names_fts WHERE rowid = old.seq;
END;

CREATE TRIGGER contacts_names_rename AFTER UPDATE OF name ON companies WHEN old.name <> new.name BEGIN
  DELETE FROM contacts_names_fts WHERE rowid IN (SELECT seq FROM contacts WHERE company_id = new.id);
  INSERT INTO contacts_names_fts (rowid, name, company, facets)
  SELECT seq, name, company, facets FROM contacts_search_text
  WHERE seq IN (SELECT seq FROM contacts WHERE company_id = new.id);
END;
