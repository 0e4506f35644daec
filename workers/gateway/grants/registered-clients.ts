import { REGISTERED_PREFIX } from "../../../shared/auth/registered-client.ts";

const KEY = `client:${REGISTERED_PREFIX}`;

/** Whether a key of the OAuth library is that of a client which an administrator has registered. */
export function isRegisteredKey(key: string): boolean {
  return key.startsWith(KEY);
}

/** The record of such a client as JSON text, or `null`. Rejects while the database does not answer. */
export async function readRegisteredClient(database: D1Database, key: string): Promise<string | null> {
  const row = await database
    .prepare("SELECT record FROM registered_client WHERE client_id = ?")
    .bind(key.slice("client:".length))
    .first<{ record: string }>();
  return row?.record ?? null;
}
