import type { OAuthClientProvider as ModernProvider } from "@modelcontextprotocol/client";
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { allowEverything } from "./person.ts";

/**
 * The part of an app that both SDKs leave to the app: it keeps the registration, the verifier and the tokens
 * in memory, and sends the user's browser to the authorization page. The SDK does discovery, registration,
 * PKCE and the token exchange.
 */
export class AppCredentials implements OAuthClientProvider, ModernProvider {
  readonly redirectUrl = "http://127.0.0.1:33419/callback";
  readonly clientMetadata = {
    client_name: "Client test",
    redirect_uris: [this.redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
  /** The last URL of the user's browser; the app reads the code from it. */
  callback: URL | undefined;
  readonly #state = crypto.randomUUID();
  #registration: Parameters<NonNullable<OAuthClientProvider["saveClientInformation"]>>[0] | undefined;
  #tokens: Parameters<OAuthClientProvider["saveTokens"]>[0] | undefined;
  #discovery: Parameters<NonNullable<ModernProvider["saveDiscoveryState"]>>[0] | undefined;
  #verifier = "";
  /** The permissions that the user ticks. */
  permits: (scope: string) => boolean = () => true;
  readonly #role: string;

  /** @param role - of the demonstration user who allows everything */
  constructor(role = "admin") {
    this.#role = role;
  }

  state(): string {
    return this.#state;
  }

  clientInformation() {
    return this.#registration;
  }

  saveClientInformation(registration: NonNullable<ReturnType<AppCredentials["clientInformation"]>>): void {
    this.#registration = registration;
  }

  tokens() {
    return this.#tokens;
  }

  saveTokens(tokens: NonNullable<ReturnType<AppCredentials["tokens"]>>): void {
    this.#tokens = tokens;
  }

  /** Removes the tokens, so that the next request leads to the authorization page. */
  forgetTokens(): void {
    this.#tokens = undefined;
  }

  codeVerifier(): string {
    return this.#verifier;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  discoveryState() {
    return this.#discovery;
  }

  saveDiscoveryState(discovery: NonNullable<ReturnType<AppCredentials["discoveryState"]>>): void {
    this.#discovery = discovery;
  }

  async redirectToAuthorization(authorizationUrl: URL): Promise<void> {
    this.callback = await allowEverything(authorizationUrl, this.#role, this.permits);
    const { searchParams } = this.callback;
    if (searchParams.get("state") !== this.#state) throw new Error("The state came back changed.");
  }

  /** Parameters of the redirect, for `finishAuth`. Throws before any redirect. */
  get answer(): URLSearchParams {
    if (this.callback === undefined) throw new Error("No authorization was asked for.");
    return this.callback.searchParams;
  }
}
