import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from "jose";
import { z } from "zod";
import { findAddressFault } from "../../../shared/upstream/outside-address.ts";
import { askOutside } from "../../../shared/upstream/outside-fetch.ts";
import { askIssuer } from "../single-sign-on/ask-issuer.ts";
import { GrantRefused } from "./refused.ts";

/** Milliseconds for which an issuer's metadata and keys are used before they are read again. */
const KEPT_MS = 10 * 60_000;
/** Milliseconds between two reads of keys that unknown names of keys can cause. */
const COOLDOWN_MS = 30_000;
const METADATA = "/.well-known/openid-configuration";

const document = z.object({ issuer: z.string(), jwks_uri: z.url().max(2_000) });

const addresses = new Map<string, { url: string; at: number }>();
const keySets = new Map<string, JWTVerifyGetKey>();

/**
 * The keys that an issuer publishes, read again when a token names one that is missing. Only issuers of the policy are
 * asked, over https, at public addresses, without following a redirect. Reading them throws {@link GrantRefused} with
 * `temporarily_unavailable`.
 *
 * @param jwksUrl - where the keys are, for an issuer that publishes no metadata
 */
export function keysOf(issuer: string, jwksUrl: string | undefined): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await openKeySet(jwksUrl ?? (await findKeys(issuer)))(header, token);
    } catch (failure) {
      const isAboutKeys =
        failure instanceof errors.JWKSNoMatchingKey || failure instanceof errors.JWKSMultipleMatchingKeys;
      if (isAboutKeys || failure instanceof GrantRefused) throw failure;
      throw away(failure);
    }
  };
}

/** Where an issuer's metadata says that its keys are (OpenID Connect Discovery §4). Throws {@link GrantRefused}. */
export async function findKeys(issuer: string): Promise<string> {
  const kept = addresses.get(issuer);
  if (kept !== undefined && Date.now() - kept.at < KEPT_MS) return kept.url;
  try {
    const response = await askPublic(`${issuer.replace(/\/$/, "")}${METADATA}`);
    if (response.status !== 200) throw new TypeError(`The metadata answers ${response.status}.`);
    const { issuer: named, jwks_uri: url } = document.parse(await response.json());
    // RFC 8414 §3.3: metadata of another issuer does not count here.
    if (named !== issuer) throw new TypeError("The metadata is of another issuer.");
    requirePublic(url);
    addresses.set(issuer, { url, at: Date.now() });
    return url;
  } catch (failure) {
    throw away(failure);
  }
}

function openKeySet(url: string): JWTVerifyGetKey {
  let keys = keySets.get(url);
  if (keys === undefined) {
    keys = createRemoteJWKSet(new URL(url), {
      [customFetch]: askPublic,
      cacheMaxAge: KEPT_MS,
      cooldownDuration: COOLDOWN_MS,
      timeoutDuration: 5_000,
    });
    keySets.set(url, keys);
  }
  return keys;
}

async function askPublic(url: string, options?: Parameters<typeof askIssuer>[1]): Promise<Response> {
  requirePublic(url);
  return await askOutside(() => askIssuer(url, options));
}

function requirePublic(url: string): void {
  const fault = new URL(url).protocol === "https:" ? findAddressFault(url) : "it is not https";
  if (fault !== null) throw new TypeError(`This address is not asked: ${fault}.`);
}

function away(cause: unknown): GrantRefused {
  return new GrantRefused(
    "temporarily_unavailable",
    "The issuer's keys cannot be read right now",
    "issuer_away",
    cause,
  );
}
