-- How far each further sink of the audit trail has come over the stored records. A window is fixed before it is written,
-- so a run that ends in between writes the very same records again under the same name.
CREATE TABLE audit_sink (
  name        TEXT PRIMARY KEY,
  through     INTEGER NOT NULL DEFAULT 0, -- id of the last audit_record that the sink has
  until       INTEGER,                    -- id of the last record of the window that is being written; NULL for none
  failures    INTEGER NOT NULL DEFAULT 0, -- tries in a row that failed
  retry_at    INTEGER NOT NULL DEFAULT 0, -- milliseconds since the epoch: no try before this
  claimed_to  INTEGER NOT NULL DEFAULT 0  -- milliseconds since the epoch: until then one run writes
) STRICT;
