/** Who is calling, through which app, with which rights. Built anew from every request; never stored in a session. */
export interface PrincipalIdentity {
  /** Opaque, without `:` (it becomes part of OAuth tokens and object names). */
  userId: string;
  /** The person's e-mail address, for display to colleagues in the CRM and the audit trail. */
  email: string;
  /** The person's display name. */
  name: string;
  /** OAuth client id of the app. */
  clientId: string;
  /** The OAuth grant behind the token: what is revoked when the app is disconnected. */
  grantId: string;
  /** SHA-256 of the access token, hexadecimal: what is revoked when the app gives back this one token (RFC 7009). */
  tokenId: string;
  /** What the token may do. */
  scopes: readonly string[];
  /** What the person may hold; see `shared/policy/policy.yaml`. */
  role: string;
  /** Peer address as Cloudflare saw it, or `null` locally. */
  ip: string | null;
  /** ISO 3166-1 alpha-2, or `null`. */
  country: string | null;
  /**
   * When the person gave the second factor with which they connected the app, in milliseconds since the epoch; `null`
   * when they gave none. Refreshing a token does not renew it.
   */
  mfaAt: number | null;
}

/** What the policy looks at in an identity. */
export type PolicyCaller = Pick<PrincipalIdentity, "role" | "scopes" | "ip" | "country" | "mfaAt">;
