/** Longest path accepted: an authorization request with its PKCE challenge, state and scopes fits well. */
const MAX_LENGTH = 8_192;

/**
 * Turns the untrusted `next` parameter into a path on this origin, or `fallback`. Parsing with the browser's own
 * rules (WHATWG URL) and looking at the result is what makes `//evil`, `/\evil`, `/%09/evil`, `https:evil` and
 * `/..//evil` harmless: what is not on our origin, or would begin with `//` once normalised, is dropped.
 */
export function toLocalPath(next: string | null | undefined, publicUrl: string, fallback: string): string {
  if (next === null || next === undefined || next.length > MAX_LENGTH || !next.startsWith("/"))
    return fallback;
  const url = URL.parse(next, publicUrl);
  if (url === null || url.origin !== publicUrl || url.pathname.startsWith("//")) return fallback;
  return `${url.pathname}${url.search}`;
}
