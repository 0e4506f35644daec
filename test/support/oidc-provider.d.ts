/** The part of the npm package that the tests' issuer uses; it comes without types. */
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  interface AccessToken {
    accountId: string;
    aud: string;
    readonly expiration: number;
    save(): Promise<string>;
  }

  export interface ProviderContext {
    body: unknown;
    oidc: {
      client?: { clientId: string };
      session?: { accountId?: string };
      params?: Record<string, unknown>;
      provider: {
        Grant: new (about: {
          clientId: string;
          accountId: string;
        }) => {
          addOIDCScope(scope: string): void;
          save(): Promise<string>;
        };
      };
    };
  }

  export default class Provider {
    constructor(
      issuer: string,
      configuration: {
        loadExistingGrant(context: ProviderContext): Promise<unknown>;
        findAccount(context: unknown, id: string): unknown;
        interactions: { url(context: unknown, interaction: { uid: string }): string };
        [setting: string]: unknown;
      },
    );
    on(event: string, listener: (context: unknown, failure: Error) => void): void;
    readonly AccessToken: {
      new (about: { client: unknown; accountId: string | undefined; scope: string }): AccessToken;
      find(token: string): Promise<AccessToken | undefined>;
    };
    registerGrantType(
      name: string,
      handler: (context: ProviderContext) => Promise<void>,
      parameters: readonly string[],
    ): void;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: unknown): Promise<void>;
  }
}
