-- Clients of OAuth that an administrator has registered by hand (npm run apps): those that can neither register
-- themselves nor publish a description. Here and not with the other clients in KV, so that one that is removed is gone
-- at its next request, everywhere.
CREATE TABLE registered_client (
  client_id TEXT PRIMARY KEY CHECK (client_id LIKE 'app\_%' ESCAPE '\'),
  record    TEXT NOT NULL CHECK (json_valid(record)), -- as the OAuth library keeps clients; a secret as its SHA-256
  by        TEXT NOT NULL,                            -- the command, and who ran it
  at        INTEGER NOT NULL                          -- milliseconds since the epoch
) STRICT;
