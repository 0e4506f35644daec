import type { MiddlewareHandler } from "hono";

const COMMON =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/** For every page but the consent page: forms may only post to us. */
const PAGE_POLICY = `${COMMON}; form-action 'self'`;

/**
 * For the consent page. `form-action` is left out: browsers apply it to all redirects after the form, and a
 * client's callback may redirect anywhere. The page has no script and escapes everything, so it cannot
 * contain a foreign form.
 */
export const CONSENT_POLICY = COMMON;

const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'";

/**
 * Sets the security headers on every response. Policies add up, so a response with its own
 * Content-Security-Policy keeps it. `same-origin` rather than `no-referrer`: the latter makes browsers send
 * `Origin: null` with our own forms, and the origin check could not tell them from forged ones.
 */
export const secureHeaders: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  await next();
  const html = c.res.headers.get("Content-Type")?.startsWith("text/html") === true;
  const defaults: Record<string, string> = {
    "Content-Security-Policy": html ? PAGE_POLICY : DATA_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
  };
  if (html) defaults["Cache-Control"] = "no-store";
  if (c.req.url.startsWith("https://")) {
    defaults["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains";
  }
  const response = withDefaults(c.res, defaults);
  if (response === c.res) return;
  // Hono copies the headers of the previous response to its replacement: these are already copied.
  c.res = undefined;
  c.res = response;
};

/**
 * The response with missing headers added. Only a response from another source, such as a session's object,
 * is copied: its headers are immutable.
 */
function withDefaults(response: Response, defaults: Readonly<Record<string, string>>): Response {
  const missing = Object.entries(defaults).filter(([name]) => !response.headers.has(name));
  try {
    for (const [name, value] of missing) response.headers.set(name, value);
    return response;
  } catch {
    const copy = new Response(response.body, response);
    for (const [name, value] of missing) copy.headers.set(name, value);
    return copy;
  }
}
