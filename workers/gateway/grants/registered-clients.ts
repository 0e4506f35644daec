import { REGISTERED_PREFIX } from "../../../shared/auth/registered-client.ts";

const KEY = `client:${REGISTERED_PREFIX}`;

/** Whether a key of the OAuth library names a client that an administrator registered. */
export function isRegisteredKey(key: string): boolean {
  return key.startsWith(KEY);
}

/** The client's record as JSON text, or `null`. Rejects if the database is unavailable. */
export async function readRegisteredClient(database: D1Database, key: string): Promise<string | null> {
  const row = await database
    .prepare("SELECT record FROM registered_client WHERE client_id = ?")
    .bind(key.slice("client:".length))
    .first<{ record: string }>();
  return row?.record ?? null;
}
