import { isLoopbackHost } from "./loopback-host.ts";

/**
 * Private-use schemes (RFC 8252 §7.1) without a dot that are known to belong to an app. Schemes with a dot are a domain
 * in reverse, as the RFC wants them, and are taken as they are. Every other scheme may be one that the operating system
 * or the browser acts on in ways of its own, and is taken only for clients that an administrator has registered.
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

/** Schemes that run, show, fetch or send something, and that nobody may have a code sent to. */
const DANGEROUS =
  /^(about|blob|chrome.*|content|data|edge|feed|file|filesystem|ftps?|gopher|intent|jar|javascript|ldaps?|mailto|market|moz-.*|ms-.*|nfs|resource|res|search-ms|sftp|shell|smb|sms|ssh|tel|telnet|urn|vbscript|view-source|wss?|x-.*)$/;

/** RFC 3986 §3.1. */
const SCHEME = /^([a-z][a-z0-9+.-]*):/i;

/** The scheme of a redirect address when an app on the person's device receives it; `null` for a web address. */
export function privateSchemeOf(redirect: string): string | null {
  const scheme = SCHEME.exec(redirect)?.[1]?.toLowerCase();
  return scheme === undefined || scheme === "http" || scheme === "https" ? null : scheme;
}

/** Whether an address is one that no client may register: no URL, a dangerous scheme, user info or a fragment. */
export function isUnfitRedirect(redirect: string): boolean {
  const url = URL.parse(redirect);
  if (url === null || /[\s\p{Cc}#]/u.test(redirect) || url.username !== "" || url.password !== "")
    return true;
  return DANGEROUS.test(privateSchemeOf(redirect) ?? "");
}

/**
 * Whether a code may be sent to an address: https, http on this machine (RFC 8252 §7.3), or a private-use scheme of an
 * app (§7.1). Never with user info or fragment.
 *
 * @param byHand - whether an administrator has chosen it: then every scheme that is not dangerous is one of an app
 */
export function isAcceptableRedirect(redirect: string, byHand = false): boolean {
  const url = URL.parse(redirect);
  if (url === null || isUnfitRedirect(redirect)) return false;
  const scheme = privateSchemeOf(redirect);
  if (scheme === null) return url.protocol === "https:" || isLoopbackHost(url.hostname);
  return byHand || scheme.includes(".") || APP_SCHEMES.has(scheme);
}

/** Where access goes, in words for people: a host, with its port on this machine, or the links of an app. */
export function describeDestination(redirect: string): string {
  const scheme = privateSchemeOf(redirect);
  if (scheme !== null) return `the app that opens ${scheme}: links`;
  const { host, hostname } = new URL(redirect);
  return isLoopbackHost(hostname) ? host : hostname;
}
