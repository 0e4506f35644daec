-- One spelling for all of a word's, in searches and where people and companies are compared. SQL can fold ASCII alone, so
-- the triggers write as before and note in `unfolded` which rows hold more than that; the Worker folds these (shared/text)
-- with the next search, before an import compares, and every hour.

-- `mark` is a new one each time: a row that changes while it is folded stays noted.
CREATE TABLE unfolded (
  mark INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('contacts', 'companies', 'deals')),
  seq INTEGER NOT NULL,
  UNIQUE (kind, seq)
) STRICT;

CREATE INDEX unfolded_by_mark ON unfolded (kind, mark);

-- Telephone numbers by every end of them: an end of seven digits or more begins with every part of seven or more.
CREATE VIRTUAL TABLE contacts_phones USING fts5 (
  digits, content = '', contentless_delete = 1, detail = 'none', tokenize = 'unicode61'
);
CREATE VIRTUAL TABLE companies_phones USING fts5 (
  digits, content = '', contentless_delete = 1, detail = 'none', tokenize = 'unicode61'
);

-- What the Worker makes of a row; NULL where SQL's own is right, or until the Worker has been there. `folded_phone` holds
-- the last nine digits of the national number (empty: too few), `e164` the whole number where its country is known.
ALTER TABLE contacts ADD COLUMN folded_name TEXT;
ALTER TABLE contacts ADD COLUMN folded_email TEXT;
ALTER TABLE contacts ADD COLUMN folded_phone TEXT;
ALTER TABLE contacts ADD COLUMN e164 TEXT;
ALTER TABLE companies ADD COLUMN folded_name TEXT;
ALTER TABLE companies ADD COLUMN folded_domain TEXT;
ALTER TABLE deals ADD COLUMN folded_name TEXT;

ALTER TABLE contacts ADD COLUMN match_name TEXT GENERATED ALWAYS AS (
  company_id || '|' || coalesce(folded_name, lower(substr(first_name, 1, 1)) || '|' || lower(last_name))
) VIRTUAL;
ALTER TABLE contacts ADD COLUMN match_email TEXT GENERATED ALWAYS AS (coalesce(folded_email, email_key)) VIRTUAL;
ALTER TABLE contacts ADD COLUMN match_phone TEXT GENERATED ALWAYS AS (nullif(coalesce(folded_phone, phone_key), '')) VIRTUAL;
ALTER TABLE companies ADD COLUMN match_name TEXT GENERATED ALWAYS AS (coalesce(folded_name, lower(name))) VIRTUAL;
ALTER TABLE companies ADD COLUMN match_domain TEXT GENERATED ALWAYS AS (coalesce(folded_domain, domain)) VIRTUAL;
ALTER TABLE deals ADD COLUMN match_name TEXT GENERATED ALWAYS AS (coalesce(folded_name, lower(name))) VIRTUAL;

-- The columns and indexes of before stay: the version before compares by them, and going back must find them.
CREATE INDEX contacts_by_match_email ON contacts (match_email) WHERE match_email IS NOT NULL;
CREATE INDEX contacts_by_match_phone ON contacts (match_phone, e164) WHERE match_phone IS NOT NULL;
CREATE INDEX contacts_by_match_name ON contacts (match_name) WHERE match_name IS NOT NULL;
CREATE INDEX companies_by_match_name ON companies (match_name);
CREATE INDEX companies_by_match_domain ON companies (match_domain) WHERE match_domain IS NOT NULL;
CREATE INDEX deals_by_company_and_match_name ON deals (company_id, match_name);

-- Rows that hold more than SQL can fold. Punctuation that only separates words counts as plain.
CREATE VIEW contacts_to_fold AS
SELECT p.seq, p.company_id FROM contacts p LEFT JOIN companies c ON c.id = p.company_id
WHERE p.phone IS NOT NULL OR p.email GLOB 'mailto:*' OR p.email GLOB '*.'
  OR p.first_name || p.last_name || coalesce(p.email, '') || coalesce(c.name, '') GLOB '*[^ -~–—‘’“”…]*';

CREATE VIEW companies_to_fold AS
SELECT seq FROM companies
WHERE phone IS NOT NULL OR domain GLOB '*[:@]*' OR domain GLOB '*.' OR domain GLOB '*xn--*'
  OR name || coalesce(domain, '') || coalesce(city, '') || coalesce(country, '') || coalesce(industry, '')
    GLOB '*[^ -~–—‘’“”…]*';

CREATE VIEW deals_to_fold AS
SELECT d.seq, d.company_id FROM deals d JOIN companies c ON c.id = d.company_id
WHERE d.name || c.name GLOB '*[^ -~–—‘’“”…]*';

CREATE TRIGGER contacts_fold_insert AFTER INSERT ON contacts BEGIN
  DELETE FROM unfolded WHERE kind = 'contacts' AND seq = new.seq;
  INSERT INTO unfolded (kind, seq) SELECT 'contacts', seq FROM contacts_to_fold WHERE seq = new.seq;
END;

CREATE TRIGGER contacts_fold_update
AFTER UPDATE OF first_name, last_name, email, phone, company_id, owner_id ON contacts BEGIN
  UPDATE contacts SET
    folded_name = iif(old.first_name = new.first_name AND old.last_name = new.last_name, folded_name, NULL),
    folded_email = iif(old.email IS new.email, folded_email, NULL),
    folded_phone = iif(old.phone IS new.phone, folded_phone, NULL),
    e164 = iif(old.phone IS new.phone, e164, NULL)
  WHERE seq = new.seq AND coalesce(folded_name, folded_email, folded_phone, e164) IS NOT NULL;
  DELETE FROM unfolded WHERE kind = 'contacts' AND seq = new.seq;
  INSERT INTO unfolded (kind, seq) SELECT 'contacts', seq FROM contacts_to_fold WHERE seq = new.seq;
  DELETE FROM contacts_phones WHERE rowid = new.seq AND new.phone IS NULL;
END;

CREATE TRIGGER contacts_fold_delete AFTER DELETE ON contacts BEGIN
  DELETE FROM unfolded WHERE kind = 'contacts' AND seq = old.seq;
  DELETE FROM contacts_phones WHERE rowid = old.seq;
END;

CREATE TRIGGER companies_fold_insert AFTER INSERT ON companies BEGIN
  DELETE FROM unfolded WHERE kind = 'companies' AND seq = new.seq;
  INSERT INTO unfolded (kind, seq) SELECT 'companies', seq FROM companies_to_fold WHERE seq = new.seq;
END;

CREATE TRIGGER companies_fold_update
AFTER UPDATE OF name, domain, city, country, industry, owner_id, region, phone ON companies BEGIN
  UPDATE companies SET
    folded_name = iif(old.name = new.name, folded_name, NULL),
    folded_domain = iif(old.domain IS new.domain, folded_domain, NULL)
  WHERE seq = new.seq AND coalesce(folded_name, folded_domain) IS NOT NULL;
  DELETE FROM unfolded WHERE kind = 'companies' AND seq = new.seq;
  INSERT INTO unfolded (kind, seq) SELECT 'companies', seq FROM companies_to_fold WHERE seq = new.seq;
  DELETE FROM companies_phones WHERE rowid = new.seq AND new.phone IS NULL;
END;

-- People and deals are found by their company's name, and a national number is read by the company's country.
CREATE TRIGGER companies_fold_rename AFTER UPDATE OF name, country ON companies
WHEN old.name <> new.name OR old.country IS NOT new.country BEGIN
  DELETE FROM unfolded WHERE kind = 'contacts' AND seq IN (SELECT seq FROM contacts WHERE company_id = new.id);
  INSERT INTO unfolded (kind, seq) SELECT 'contacts', seq FROM contacts_to_fold WHERE company_id = new.id;
  DELETE FROM unfolded WHERE kind = 'deals' AND seq IN (SELECT seq FROM deals WHERE company_id = new.id);
  INSERT INTO unfolded (kind, seq) SELECT 'deals', seq FROM deals_to_fold WHERE company_id = new.id;
END;

CREATE TRIGGER companies_fold_delete AFTER DELETE ON companies BEGIN
  DELETE FROM unfolded WHERE kind = 'companies' AND seq = old.seq;
  DELETE FROM companies_phones WHERE rowid = old.seq;
END;

CREATE TRIGGER deals_fold_insert AFTER INSERT ON deals BEGIN
  DELETE FROM unfolded WHERE kind = 'deals' AND seq = new.seq;
  INSERT INTO unfolded (kind, seq) SELECT 'deals', seq FROM deals_to_fold WHERE seq = new.seq;
END;

CREATE TRIGGER deals_fold_update AFTER UPDATE OF name, company_id ON deals BEGIN
  UPDATE deals SET folded_name = NULL WHERE seq = new.seq AND old.name <> new.name AND folded_name IS NOT NULL;
  DELETE FROM unfolded WHERE kind = 'deals' AND seq = new.seq;
  INSERT INTO unfolded (kind, seq) SELECT 'deals', seq FROM deals_to_fold WHERE seq = new.seq;
END;

CREATE TRIGGER deals_fold_delete AFTER DELETE ON deals BEGIN
  DELETE FROM unfolded WHERE kind = 'deals' AND seq = old.seq;
END;

INSERT INTO unfolded (kind, seq) SELECT 'companies', seq FROM companies_to_fold ORDER BY seq;
INSERT INTO unfolded (kind, seq) SELECT 'contacts', seq FROM contacts_to_fold ORDER BY seq;
INSERT INTO unfolded (kind, seq) SELECT 'deals', seq FROM deals_to_fold ORDER BY seq;
