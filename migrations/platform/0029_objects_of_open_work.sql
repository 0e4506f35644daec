-- Where an open session is, so that it can be ended there: binding of its object's namespace, and name of its object.
ALTER TABLE open_session ADD COLUMN binding TEXT NOT NULL DEFAULT '';
ALTER TABLE open_session ADD COLUMN object TEXT NOT NULL DEFAULT '';
-- working, input_required
ALTER TABLE open_task ADD COLUMN status TEXT NOT NULL DEFAULT 'working';
