/** The algorithm of every token that Gatehouse signs as an issuer (RFC 7518 §3.4). */
export const ISSUER_ALGORITHM = "ES256";

/** Where the public keys of these tokens are, below the issuer, which is `PUBLIC_URL`. */
export const ISSUER_KEYS = "/.well-known/jwks.json";
