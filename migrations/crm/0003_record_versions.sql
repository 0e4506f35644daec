-- What a contact, company or deal looked like before each change, and who changed it: one table for all three.
-- `record_id` carries its kind in its prefix; `snapshot` holds the fields that people fill in.
CREATE TABLE record_versions (
  record_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  snapshot TEXT NOT NULL CHECK (json_valid(snapshot)),
  replaced_at TEXT NOT NULL,
  replaced_by TEXT NOT NULL,
  replaced_by_name TEXT NOT NULL,
  PRIMARY KEY (record_id, version)
) STRICT, WITHOUT ROWID;

INSERT INTO record_versions (record_id, version, snapshot, replaced_at, replaced_by, replaced_by_name)
SELECT contact_id, version, snapshot, replaced_at, replaced_by, replaced_by_name FROM contact_versions;

DROP TABLE contact_versions;

-- Two companies hardly share a web domain: it is how a company is recognised when one is added.
CREATE INDEX companies_by_domain ON companies (domain) WHERE domain IS NOT NULL;
