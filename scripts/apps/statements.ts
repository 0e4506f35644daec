import { createHash, randomBytes } from "node:crypto";
import { REGISTERED_PREFIX, type RegisteredClient } from "../../shared/auth/registered-client.ts";
import { quoteText } from "../../shared/encoding/quote-text.ts";

/** A new client, with its secret in plain text, which is shown once. */
export interface NewClient {
  client: RegisteredClient;
  secret: string | null;
}

/**
 * Creates a client.
 *
 * @param confidential - whether it authenticates with a secret
 * @param at - milliseconds since the epoch
 */
export function createClient(
  name: string,
  redirects: readonly string[],
  confidential: boolean,
  at: number,
): NewClient {
  const secret = confidential ? randomBytes(24).toString("base64url") : null;
  return {
    secret,
    client: {
      clientId: `${REGISTERED_PREFIX}${randomBytes(12).toString("hex")}`,
      clientName: name,
      redirectUris: [...redirects],
      grantTypes: ["authorization_code", "refresh_token"],
      responseTypes: ["code"],
      registrationDate: Math.floor(at / 1000),
      tokenEndpointAuthMethod: secret === null ? "none" : "client_secret_basic",
      ...(secret !== null && { clientSecret: createHash("sha256").update(secret).digest("hex") }),
    },
  };
}

/** SQL: adds a client, in the name of the user who ran the command. */
export function addClient(client: RegisteredClient, by: string, at: number): string {
  const values = [client.clientId, JSON.stringify(client), by].map(quoteText).join(", ");
  return `INSERT INTO registered_client (client_id, record, by, at) VALUES (${values}, ${Math.trunc(at)});`;
}

/** SQL: every manually registered client, or the one with this id. */
export function listClients(id?: string): string {
  const one = id === undefined ? "" : ` WHERE client_id = ${quoteText(id)}`;
  return `SELECT client_id, record, by, at FROM registered_client${one} ORDER BY at, client_id;`;
}

/** SQL: removes a client. The token endpoint refuses its apps from then on. */
export function removeClient(id: string): string {
  return `DELETE FROM registered_client WHERE client_id = ${quoteText(id)};`;
}
