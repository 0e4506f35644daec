/**
 * The `resource` of a request to the OAuth endpoints (RFC 8707 §2) as this server names its resources: without a slash
 * at the end, which clients take over from what a person typed, and left out where it is empty.
 *
 * @returns the same parameters when nothing has to be written differently
 */
function canonicalResource(parameters: URLSearchParams): URLSearchParams {
  const given = parameters.getAll("resource");
  const named = given.map(trimSlashes).filter((resource) => resource !== "");
  if (named.length === given.length && named.every((resource, index) => resource === given[index])) {
    return parameters;
  }
  const canonical = new URLSearchParams(parameters);
  canonical.delete("resource");
  for (const resource of named) canonical.append("resource", resource);
  return canonical;
}

/** An authorization request with its resource as this server names it. Its method and body do not matter. */
export function withCanonicalResource(request: Request): Request {
  const url = new URL(request.url);
  const canonical = canonicalResource(url.searchParams);
  if (canonical === url.searchParams) return request;
  url.search = canonical.toString();
  return new Request(url, { headers: request.headers });
}

/** A request to the token endpoint with its resource as this server names it. */
export async function withCanonicalForm(request: Request): Promise<Request> {
  if (request.method !== "POST") return request;
  // As bytes: the platform takes a form that is read as text for a mistake and warns.
  const bytes = await request.clone().arrayBuffer();
  const form = new URLSearchParams(new TextDecoder().decode(bytes));
  const canonical = canonicalResource(form);
  if (canonical === form) return request;
  const headers = new Headers(request.headers);
  headers.delete("content-length");
  return new Request(request.url, { method: "POST", headers, body: canonical.toString() });
}

function trimSlashes(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "/") end -= 1;
  return text.slice(0, end);
}
