/** Where this deployment's own metadata as an OAuth client is, and where browsers come back to. */
export const CLIENT_DOCUMENT = "/connections/client.json";

/** The address that an authorization server sends a browser to: one for each connection, against mix-up. */
export function callbackOf(publicUrl: string, connection: string): string {
  return `${publicUrl}/connections/${connection}/callback`;
}

/** Gatehouse as an OAuth client, for registration and for the metadata document. */
export function describeClient(publicUrl: string, connections: readonly string[]) {
  return {
    client_name: "Gatehouse",
    client_uri: publicUrl,
    redirect_uris: connections.map((connection) => callbackOf(publicUrl, connection)),
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    application_type: "web",
  };
}
