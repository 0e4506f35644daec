import { openKeyring } from "../../auth/keyring.ts";
import { canonicalize } from "../../encoding/canonical-json.ts";
import { isRecord } from "../../encoding/is-record.ts";
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

const lanes = new WeakMap<Catalogue, StatelessLane>();

/** The lane of a catalogue, made once per isolate. */
export function openStatelessLane(catalogue: Catalogue): StatelessLane {
  let lane = lanes.get(catalogue);
  if (!lane) {
    lane = createStatelessLane(catalogue);
    lanes.set(catalogue, lane);
  }
  return lane;
}

function isStream({ headers }: Response): boolean {
  return headers.get("content-type") === "text/event-stream";
}

/**
 * A continued call must be the same call: same user, client, grant, URL, method and parameters, be it a tool's name and
 * arguments or a resource's URI. What only a continued call has, and what a client says of itself, is left out.
 */
function describeCall(
  { method, params }: Readonly<Record<string, unknown>>,
  { identity: { userId, clientId, grantId } }: AuthenticatedRequest,
  catalogue: Catalogue,
): string {
  const { _meta, inputResponses, requestState, arguments: args, ...rest } = isRecord(params) ? params : {};
  return canonicalize([userId, clientId, grantId, catalogue.name, method, rest, args ?? {}]);
}
