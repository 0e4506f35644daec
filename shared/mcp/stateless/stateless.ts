import { openKeyring } from "../../auth/keyring.ts";
import type { Catalogue } from "../../server/catalogue.ts";
import { openRoundState } from "../methods/request-state.ts";
import { createSdkValidator } from "./sdk-validation.ts";
import { type AuthenticatedRequest, serveStateless } from "./stateless-exchange.ts";
import { LISTEN, serveListen } from "./stateless-listen.ts";
import type { StatelessRequest } from "./stateless-request.ts";

/** Serves requests of the stateless generation for one URL. `plain` is the message where it is in order beyond doubt. */
export type StatelessLane = (
  request: Request,
  body: Readonly<Record<string, unknown>>,
  plain: StatelessRequest | null,
  arrival: AuthenticatedRequest,
) => Promise<Response>;

/**
 * The stateless generation (2026-07-28) of one URL. For a plain request nothing is built but its answer: a server and
 * a transport of the SDK would know nothing that the catalogue and the request do not. Every other message goes before
 * the SDK first, see {@link createSdkValidator}. Nothing of a request outlives it, so nothing can pass from one
 * principal to another.
 */
export function createStatelessLane(catalogue: Catalogue): StatelessLane {
  const judge = createSdkValidator(catalogue);
  return async (request, body, plain, arrival) => {
    const state = openRoundState(openKeyring(arrival.env, "REQUEST_STATE_KEY"), () =>
      describeCall(body, arrival, catalogue),
    );
    const setting = { request, catalogue, arrival, state };
    const message = plain ?? (await judge(request, body, state));
    if (!(message instanceof Response)) return await serveStateless(message, setting);
    if (body.method !== LISTEN || !isStream(message)) return message;
    // The SDK would serve the stream, but hears of nothing outside of its isolate.
    await message.body?.cancel();
    return await serveListen(body, setting);
  };
}

function isStream({ headers }: Response): boolean {
  return headers.get("content-type") === "text/event-stream";
}

/** A continued call must be the same call: same user, client, URL, method, name and arguments. */
function describeCall(
  { method, params }: Readonly<Record<string, unknown>>,
  { identity }: AuthenticatedRequest,
  catalogue: Catalogue,
): string {
  const { name, arguments: args } = (params ?? {}) as Record<string, unknown>;
  return JSON.stringify([identity.userId, identity.clientId, catalogue.name, method, name, args ?? {}]);
}
