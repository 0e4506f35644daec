/** Ids of clients that an administrator has registered begin with this; no other client's do. */
export const REGISTERED_PREFIX = "app_";

/** A client as the OAuth library keeps it. */
export interface RegisteredClient {
  clientId: string;
  clientName: string;
  redirectUris: string[];
  grantTypes: string[];
  responseTypes: string[];
  /** Unix seconds. */
  registrationDate: number;
  /** `none` for an app that can keep no secret; PKCE is asked of every client. */
  tokenEndpointAuthMethod: "none" | "client_secret_basic";
  /** SHA-256 in hexadecimal. */
  clientSecret?: string;
}
