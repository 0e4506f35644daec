import {
  OAuthAuthorizationServer,
  type OAuthHelpers,
  type ValidatedAccessToken,
} from "@cloudflare/workers-oauth-provider";
import { advertiseRegistration } from "./advertise.ts";
import { withCanonicalForm } from "./canonical-resource.ts";
import { withGrantStore } from "./grant-storage.ts";
import { TokenMemory } from "./token-memory.ts";
import { serveTokenRequest } from "./token-requests.ts";

const TOKEN_PATH = "/oauth/token";
const METADATA_PATH = "/.well-known/oauth-authorization-server";

/**
 * The library's authorization server over strongly consistent grants. The one place where the library meets the
 * environment: whatever it reads or writes goes through {@link withGrantStore}. Its `purgeExpiredData`, a sweep over
 * all users' keys in KV, has nothing to do here: each user's object removes what has ended by itself.
 */
export class GrantServer extends OAuthAuthorizationServer<Env> {
  readonly #remembered = new TokenMemory();

  /** Looks a token up, at most once a minute in this isolate; see {@link TokenMemory} for why that is enough. */
  override async validateToken<Props>(
    resource: string,
    token: string,
    env: Env,
  ): Promise<ValidatedAccessToken<Props> | null> {
    const known = this.#remembered.find<Props>(resource, token, Date.now());
    if (known !== null) return known;
    const startedAt = Date.now();
    const validated = await super.validateToken<Props>(resource, token, withGrantStore(env));
    if (validated !== null) this.#remembered.keep(resource, token, validated, startedAt);
    return validated;
  }

  override fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === TOKEN_PATH) return this.#serveTokens(request, env, ctx);
    const response = super.fetch(request, withGrantStore(env), ctx);
    return pathname === METADATA_PATH ? response.then(advertiseRegistration) : response;
  }

  async #serveTokens(sent: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const request = await withCanonicalForm(sent);
    return await serveTokenRequest(request, env, (wrapped) => super.fetch(request, wrapped, ctx));
  }

  override getOAuthApi(env: Env): OAuthHelpers {
    return super.getOAuthApi(withGrantStore(env));
  }
}
