-- What became of the messages with links of one person, in the order in which they were asked for.
CREATE INDEX admin_request_links ON admin_request (user_id) WHERE kind = 'link_mail';
