import { isLoopbackHost } from "./loopback-host.ts";

/**
 * Private-use schemes (RFC 8252 §7.1) without a dot that are known to belong to an app. Schemes with a dot
 * are a reversed domain, as the RFC recommends, and are accepted. The operating system or browser may handle
 * any other scheme specially, so it is accepted only for clients that an administrator registered.
 */
const APP_SCHEMES = new Set([
  "claude",
  "codex",
  "cursor",
  "cursor-nightly",
  "goose",
  "jetbrains",
  "kiro",
  "lmstudio",
  "msty",
  "opencode",
  "raycast",
  "trae",
  "vscode",
  "vscode-insiders",
  "vscodium",
  "warp",
  "warppreview",
  "windsurf",
  "windsurf-next",
  "zed",
]);

/** Schemes that run, show, fetch or send something: a code is never sent to them. */
const DANGEROUS =
  /^(about|blob|chrome.*|content|data|edge|feed|file|filesystem|ftps?|gopher|intent|jar|javascript|ldaps?|mailto|market|moz-.*|ms-.*|nfs|resource|res|search-ms|sftp|shell|smb|sms|ssh|tel|telnet|urn|vbscript|view-source|wss?|x-.*)$/;

/** RFC 3986 §3.1. */
const SCHEME = /^([a-z][a-z0-9+.-]*):/i;

/** The scheme of a redirect address that an app on the user's device receives; `null` for a web address. */
export function privateSchemeOf(redirect: string): string | null {
  const scheme = SCHEME.exec(redirect)?.[1]?.toLowerCase();
  return scheme === undefined || scheme === "http" || scheme === "https" ? null : scheme;
}

/** Whether no client may register an address: not a URL, a dangerous scheme, user info or a fragment. */
export function isUnfitRedirect(redirect: string): boolean {
  const url = URL.parse(redirect);
  if (url === null || /[\s\p{Cc}#]/u.test(redirect) || url.username !== "" || url.password !== "")
    return true;
  return DANGEROUS.test(privateSchemeOf(redirect) ?? "");
}

/**
 * Whether a code may be sent to an address: https, http on the local machine (RFC 8252 §7.3), or a
 * private-use scheme of an app (§7.1). Never with user info or fragment.
 *
 * @param byHand - whether an administrator chose it: any scheme that is not dangerous is then accepted
 */
export function isAcceptableRedirect(redirect: string, byHand = false): boolean {
  const url = URL.parse(redirect);
  if (url === null || isUnfitRedirect(redirect)) return false;
  const scheme = privateSchemeOf(redirect);
  if (scheme === null) return url.protocol === "https:" || isLoopbackHost(url.hostname);
  return byHand || scheme.includes(".") || APP_SCHEMES.has(scheme);
}

/**
 * Destination of a redirect for people: a host, with its port on the local machine, or an app's link scheme.
 */
export function describeDestination(redirect: string): string {
  const scheme = privateSchemeOf(redirect);
  if (scheme !== null) return `the app that opens ${scheme}: links`;
  const { host, hostname } = new URL(redirect);
  return isLoopbackHost(hostname) ? host : hostname;
}
