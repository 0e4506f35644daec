-- Erasing a person takes the keys along that made their entries, and every image in which they appear: their own,
-- and those of deals, activities and tasks. The positions are those of contact_id in the images.
CREATE INDEX idempotency_keys_by_entity ON idempotency_keys (entity_id);

ALTER TABLE change_rows ADD COLUMN person_id TEXT GENERATED ALWAYS AS (
  CASE table_name
    WHEN 'contacts' THEN row_id
    WHEN 'deals' THEN before ->> '$[3]'
    WHEN 'activities' THEN before ->> '$[6]'
    WHEN 'tasks' THEN before ->> '$[6]'
  END
) VIRTUAL;

CREATE INDEX change_rows_by_person ON change_rows (person_id) WHERE person_id IS NOT NULL;
