/** Prefix of the ids of clients that an administrator has registered; no other client has it. */
export const REGISTERED_PREFIX = "app_";

/** A client as the OAuth library stores it. */
export interface RegisteredClient {
  clientId: string;
  clientName: string;
  redirectUris: string[];
  grantTypes: string[];
  responseTypes: string[];
  /** Unix seconds. */
  registrationDate: number;
  /** `none` for an app that cannot keep a secret; PKCE is required of every client. */
  tokenEndpointAuthMethod: "none" | "client_secret_basic";
  /** SHA-256 in hexadecimal. */
  clientSecret?: string;
}
