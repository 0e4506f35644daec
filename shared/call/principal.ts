/** The caller: user, app or API key, and rights. Built from every request; never stored in a session. */
export interface PrincipalIdentity {
  /** Opaque, without `:` (it becomes part of OAuth tokens and object names). */
  userId: string;
  /** The user's e-mail address, shown to colleagues in the CRM and in the audit trail. */
  email: string;
  /** The user's display name. */
  name: string;
  /** OAuth client id of the app, or the id of the API key. */
  clientId: string;
  /** The OAuth grant behind the token, revoked when the user disconnects the app; or the id of the API key. */
  grantId: string;
  /** SHA-256 of the access token or key, hexadecimal; revoked when this one token ends before its time. */
  tokenId: string;
  /** What the token may do. */
  scopes: readonly string[];
  /** The user's role; see `shared/policy/policy.yaml`. */
  role: string;
  /** Peer address as Cloudflare saw it, or `null` locally. */
  ip: string | null;
  /** ISO 3166-1 alpha-2, or `null`. */
  country: string | null;
  /**
   * Time of the second factor with which the user connected the app, in milliseconds since the epoch; `null`
   * without one. Refreshing a token does not renew it.
   */
  mfaAt: number | null;
  /** SHA-256 fingerprint of the client certificate that Cloudflare has verified; absent without one. */
  certificate?: string;
  /** Set if the caller is an API key: what narrows it, in addition to its scopes. */
  key?: KeyLimits;
}

/** What an API key may do less than its scopes and its owner's role. */
export interface KeyLimits {
  /** Globs on names of tools, resources and prompts; empty for all. */
  tools: readonly string[];
  /** Networks (CIDR) that calls may come from; empty for all. */
  networks: readonly string[];
  /** Client certificates that calls must come with; empty for none. Absent in tasks of an earlier release. */
  certificates?: readonly string[];
  /** When the key ends, in milliseconds since the epoch. */
  endsAt: number;
  /** Digest of the secret, public key or term behind this call: calls end when that ends. */
  credential: string;
}

/** The parts of an identity that a policy decision uses. */
export type PolicyCaller = Pick<
  PrincipalIdentity,
  "role" | "scopes" | "ip" | "country" | "mfaAt" | "certificate" | "key"
>;
