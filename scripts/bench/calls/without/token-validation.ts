import type { ValidatedAccessToken } from "@cloudflare/workers-oauth-provider";
import { GrantServer as Original } from "../../../../workers/gateway/grants/grant-server.ts";

const validated = new Map<string, Promise<ValidatedAccessToken<unknown> | null>>();

/**
 * Validates each token once and then believes in it for ever: what is left is the price of asking every time.
 */
export class GrantServer extends Original {
  override validateToken<Props>(
    resource: string,
    token: string,
    env: Env,
  ): Promise<ValidatedAccessToken<Props> | null> {
    const key = `${resource} ${token}`;
    const known = validated.get(key) ?? super.validateToken(resource, token, env);
    validated.set(key, known);
    return known as Promise<ValidatedAccessToken<Props> | null>;
  }
}
