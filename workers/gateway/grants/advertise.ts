/** Authentication method that only a client's metadata document can offer. */
const BY_DOCUMENT = "private_key_jwt";

/**
 * The authorization server's metadata (RFC 8414), reduced to what registration accepts. The library also
 * names `private_key_jwt`, which clients with a metadata document may use; clients that register would ask
 * for it and be refused.
 */
export async function advertiseRegistration(response: Response): Promise<Response> {
  if (!response.ok || response.body === null) return response;
  const {
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: _algorithms,
    ...metadata
  } = await response.json<Record<string, unknown>>();
  const registered = (methods as string[]).filter((method) => method !== BY_DOCUMENT);
  const body = JSON.stringify({ ...metadata, token_endpoint_auth_methods_supported: registered });
  return new Response(body, { status: response.status, headers: response.headers });
}
