-- Whether an account is changing hands right now: asked when a person's role is read.
CREATE INDEX admin_request_open_of ON admin_request (user_id) WHERE done_at IS NULL;
