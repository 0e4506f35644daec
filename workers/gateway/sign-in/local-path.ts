/** Longest path: an authorization request with its PKCE challenge, state and scopes fits well. */
const MAX_LENGTH = 8_192;

/**
 * Turns the untrusted `next` parameter into a path on this origin, or `fallback`. The URL is parsed by the
 * browser's own rules (WHATWG URL) and the result is checked, which makes `//evil`, `/\evil`, `/%09/evil`,
 * `https:evil` and `/..//evil` harmless: a result on another origin, or one that begins with `//` once
 * normalised, is dropped.
 */
export function toLocalPath(next: string | null | undefined, publicUrl: string, fallback: string): string {
  if (next === null || next === undefined || next.length > MAX_LENGTH || !next.startsWith("/"))
    return fallback;
  const url = URL.parse(next, publicUrl);
  if (url === null || url.origin !== publicUrl || url.pathname.startsWith("//")) return fallback;
  return `${url.pathname}${url.search}`;
}

/** The address where a signed-in person signs in once more, and then goes on at `path`. */
export function againTo(path: string): string {
  return `/sign-in?next=${encodeURIComponent(path)}&fresh=1`;
}
