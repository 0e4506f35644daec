/**
 * The OAuth library binds a consent page to its browser with `__Host-` cookies, which must be `Secure`.
 * Safari (and any strict client) drops those on `http://localhost`, where sign-in would fail. On plain http,
 * which the configuration check allows for loopback origins only, the same cookies are therefore sent without
 * prefix and `Secure`. On https both functions change nothing.
 */

const PREFIX = "__Host-oauth-";
const PLAIN_PREFIX = "oauth-";

/** The request as the library expects it: plain loopback cookies get their prefix back. */
export function withHostCookies(request: Request): Request {
  const cookie = request.headers.get("Cookie");
  if (cookie === null || !isPlainHttp(request.url)) return request;
  const restored = cookie
    .split(/;\s*/)
    .map((pair) => (pair.startsWith(PLAIN_PREFIX) ? `${PREFIX}${pair.slice(PLAIN_PREFIX.length)}` : pair))
    .join("; ");
  const headers = new Headers(request.headers);
  headers.set("Cookie", restored);
  return new Request(request.url, { method: "GET", headers });
}

/** The library's headers with cookies that this browser accepts. */
export function withKeepableCookies(headers: Headers, url: string): Headers {
  if (!isPlainHttp(url)) return headers;
  const kept = new Headers(headers);
  kept.delete("Set-Cookie");
  for (const cookie of headers.getSetCookie()) {
    kept.append(
      "Set-Cookie",
      cookie.replace(/^__Host-oauth-/, PLAIN_PREFIX).replace(/;\s*Secure(?=;|$)/i, ""),
    );
  }
  return kept;
}

function isPlainHttp(url: string): boolean {
  return url.startsWith("http://");
}
