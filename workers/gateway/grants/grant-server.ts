import {
  OAuthAuthorizationServer,
  type OAuthHelpers,
  type ValidatedAccessToken,
} from "@cloudflare/workers-oauth-provider";
import { policyInForce } from "../../../shared/policy/current.ts";
import { askOutside } from "../../../shared/upstream/outside-fetch.ts";
import { advertise } from "./advertise.ts";
import { withCanonicalForm } from "./canonical-resource.ts";
import { refusePrivateClient, requirePublicClient } from "./client-address.ts";
import { withGrantStore } from "./grant-storage.ts";
import { TokenMemory } from "./token-memory.ts";
import { serveTokenRequest } from "./token-requests.ts";

const TOKEN_PATH = "/oauth/token";
const METADATA_PATH = "/.well-known/oauth-authorization-server";

/**
 * The library's authorization server over strongly consistent grants. All its reads and writes go through
 * {@link withGrantStore}. Its `purgeExpiredData`, a sweep over all users' keys in KV, does nothing here: each
 * user's object deletes expired records itself.
 */
export class GrantServer extends OAuthAuthorizationServer<Env> {
  readonly #remembered = new TokenMemory();

  /** Looks a token up at most once a minute per isolate; {@link TokenMemory} explains why that is safe. */
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

  override async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === TOKEN_PATH) return await this.#serveTokens(request, env, ctx);
    const response = await askOutside(() => super.fetch(request, withGrantStore(env), ctx));
    if (pathname !== METADATA_PATH) return response;
    const trusts = await policyInForce(env).then(
      ({ signIn }) => signIn.workloads.size > 0,
      () => false,
    );
    return await advertise(response, trusts);
  }

  async #serveTokens(sent: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const refused = await refusePrivateClient(sent);
    if (refused !== null) return refused;
    const request = await withCanonicalForm(sent);
    return await serveTokenRequest(request, env, (wrapped) =>
      askOutside(() => super.fetch(request, wrapped, ctx)),
    );
  }

  /** Every method that looks a client up may fetch the client's metadata document. */
  override getOAuthApi(env: Env): OAuthHelpers {
    return new Proxy(super.getOAuthApi(withGrantStore(env)), {
      get(api, name) {
        const member: unknown = Reflect.get(api, name);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          requirePublicClients(name, args);
          return askOutside(() => Reflect.apply(member, api, args));
        };
      },
    });
  }
}

/** Checks the client id in a method's first argument, which is the id or the request that names it. */
function requirePublicClients(name: string | symbol, [first]: readonly unknown[]): void {
  if (name === "parseAuthRequest" && first instanceof Request) {
    for (const clientId of new URL(first.url).searchParams.getAll("client_id")) requirePublicClient(clientId);
  }
  if (name === "lookupClient") requirePublicClient(String(first));
}
