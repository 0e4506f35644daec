/**
 * Normalises the `resource` of a request to the OAuth endpoints (RFC 8707 §2): removes a trailing slash,
 * which clients copy from what a user typed, and an empty value.
 *
 * @returns the same parameters if nothing changes
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

/** An authorization request with its resource normalised. Its method and body do not matter. */
export function withCanonicalResource(request: Request): Request {
  const url = new URL(request.url);
  const canonical = canonicalResource(url.searchParams);
  if (canonical === url.searchParams) return request;
  url.search = canonical.toString();
  return new Request(url, { headers: request.headers });
}

/** A token request with its resource normalised. */
export async function withCanonicalForm(request: Request): Promise<Request> {
  if (request.method !== "POST") return request;
  // Read as bytes: the platform warns about a form that is read as text.
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
