-- Full-text search over people, companies and deals.
-- The indexes keep no copy of the text (content=''); prefix='1 2 3 4' makes short beginnings of words a direct
-- lookup. `facets` holds regions, and ids without their prefix, so that "people of this company" is an intersection
-- inside the index. Apostrophes and hyphens split words, therefore names are also indexed without them: O'Brien is
-- found as "obrien". Positions are kept (detail=full), because a word in a script that the tokenizer splits becomes
-- a phrase.

CREATE VIRTUAL TABLE contacts_fts USING fts5 (
  name, email, company, facets,
  content = '', contentless_delete = 1, prefix = '1 2 3 4',
  tokenize = 'unicode61 remove_diacritics 2'
);

CREATE VIRTUAL TABLE companies_fts USING fts5 (
  name, domain, place, facets,
  content = '', contentless_delete = 1, prefix = '1 2 3 4',
  tokenize = 'unicode61 remove_diacritics 2'
);

CREATE VIRTUAL TABLE deals_fts USING fts5 (
  name, company, facets,
  content = '', contentless_delete = 1, prefix = '1 2 3 4',
  tokenize = 'unicode61 remove_diacritics 2'
);

-- The words that exist, for spelling correction.
CREATE VIRTUAL TABLE contacts_words USING fts5vocab (contacts_fts, row);
CREATE VIRTUAL TABLE companies_words USING fts5vocab (companies_fts, row);
CREATE VIRTUAL TABLE deals_words USING fts5vocab (deals_fts, row);

CREATE VIEW contacts_search_text AS
SELECT
  p.seq,
  p.first_name || ' ' || p.last_name
    || iif(p.first_name || p.last_name GLOB '*[''’-]*',
           ' ' || replace(replace(replace(p.first_name || ' ' || p.last_name, '''', ''), '’', ''), '-', ''), '') AS name,
  coalesce(p.email, '') AS email,
  coalesce(c.name, '') AS company,
  substr(coalesce(p.company_id, ''), 5) || ' ' || substr(coalesce(p.owner_id, ''), 5) AS facets
FROM contacts p LEFT JOIN companies c ON c.id = p.company_id;

CREATE VIEW companies_search_text AS
SELECT
  seq,
  name || iif(name GLOB '*[''’-]*', ' ' || replace(replace(replace(name, '''', ''), '’', ''), '-', ''), '') AS name,
  coalesce(domain, '') AS domain,
  coalesce(city, '') || ' ' || coalesce(country, '') || ' ' || coalesce(industry, '') AS place,
  substr(coalesce(owner_id, ''), 5) || ' ' || coalesce(region, '') AS facets
FROM companies;

CREATE VIEW deals_search_text AS
SELECT d.seq, d.name, c.name AS company, substr(d.company_id, 5) AS facets
FROM deals d JOIN companies c ON c.id = d.company_id;

CREATE TRIGGER contacts_search_insert AFTER INSERT ON contacts BEGIN
  INSERT INTO contacts_fts (rowid, name, email, company, facets)
  SELECT seq, name, email, company, facets FROM contacts_search_text WHERE seq = new.seq;
END;

CREATE TRIGGER contacts_search_update
AFTER UPDATE OF first_name, last_name, email, company_id, owner_id ON contacts BEGIN
  DELETE FROM contacts_fts WHERE rowid = old.seq;
  INSERT INTO contacts_fts (rowid, name, email, company, facets)
  SELECT seq, name, email, company, facets FROM contacts_search_text WHERE seq = new.seq;
END;

CREATE TRIGGER contacts_search_delete AFTER DELETE ON contacts BEGIN
  DELETE FROM contacts_fts WHERE rowid = old.seq;
END;

CREATE TRIGGER companies_search_insert AFTER INSERT ON companies BEGIN
  INSERT INTO companies_fts (rowid, name, domain, place, facets)
  SELECT seq, name, domain, place, facets FROM companies_search_text WHERE seq = new.seq;
END;

CREATE TRIGGER companies_search_update
AFTER UPDATE OF name, domain, city, country, industry, owner_id, region ON companies BEGIN
  DELETE FROM companies_fts WHERE rowid = old.seq;
  INSERT INTO companies_fts (rowid, name, domain, place, facets)
  SELECT seq, name, domain, place, facets FROM companies_search_text WHERE seq = new.seq;
END;

CREATE TRIGGER companies_search_delete AFTER DELETE ON companies BEGIN
  DELETE FROM companies_fts WHERE rowid = old.seq;
END;

-- A company's name is part of what its people and deals are found by.
CREATE TRIGGER companies_search_rename AFTER UPDATE OF name ON companies WHEN old.name <> new.name BEGIN
  DELETE FROM contacts_fts WHERE rowid IN (SELECT seq FROM contacts WHERE company_id = new.id);
  INSERT INTO contacts_fts (rowid, name, email, company, facets)
  SELECT seq, name, email, company, facets FROM contacts_search_text
  WHERE seq IN (SELECT seq FROM contacts WHERE company_id = new.id);
  DELETE FROM deals_fts WHERE rowid IN (SELECT seq FROM deals WHERE company_id = new.id);
  INSERT INTO deals_fts (rowid, name, company, facets)
  SELECT seq, name, company, facets FROM deals_search_text
  WHERE seq IN (SELECT seq FROM deals WHERE company_id = new.id);
END;

CREATE TRIGGER deals_search_insert AFTER INSERT ON deals BEGIN
  INSERT INTO deals_fts (rowid, name, company, facets)
  SELECT seq, name, company, facets FROM deals_search_text WHERE seq = new.seq;
END;

CREATE TRIGGER deals_search_update AFTER UPDATE OF name, company_id ON deals BEGIN
  DELETE FROM deals_fts WHERE rowid = old.seq;
  INSERT INTO deals_fts (rowid, name, company, facets)
  SELECT seq, name, company, facets FROM deals_search_text WHERE seq = new.seq;
END;

CREATE TRIGGER deals_search_delete AFTER DELETE ON deals BEGIN
  DELETE FROM deals_fts WHERE rowid = old.seq;
END;
