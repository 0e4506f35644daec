import { openKeyring } from "../../auth/keyring.ts";
import { canonicalize } from "../../encoding/canonical-json.ts";
import { isRecord } from "../../encoding/is-record.ts";
import type { Catalogue } from "../../server/catalogue.ts";
import { openRoundState } from "../methods/request-state.ts";
import { createSdkValidator } from "./sdk-validation.ts";
import { type AuthenticatedRequest, serveStateless } from "./stateless-exchange.ts";
import { LISTEN, serveListen } from "./stateless-listen.ts";
import type { StatelessRequest } from "./stateless-request.ts";

/** Serves stateless requests of one URL. `plain` is the message if the fast path accepted it. */
export type StatelessLane = (
  request: Request,
  body: Readonly<Record<string, unknown>>,
  plain: StatelessRequest | null,
  caller: AuthenticatedRequest,
) => Promise<Response>;

/**
 * The stateless generation (2026-07-28) of one URL. A request of the fast path is answered directly, without
 * an SDK server and transport. Every other message is validated by the SDK first; see {@link
 * createSdkValidator}. No state of a request outlives it, so none can leak between principals.
 */
export function createStatelessLane(catalogue: Catalogue): StatelessLane {
  const validate = createSdkValidator(catalogue);
  return async (request, body, plain, caller) => {
    const state = openRoundState(openKeyring(caller.env, "REQUEST_STATE_KEY"), () =>
      describeCall(body, caller, catalogue),
    );
    const context = { request, catalogue, caller, state };
    const message = plain ?? (await validate(request, body, state));
    if (!(message instanceof Response)) return await serveStateless(message, context);
    if (body.method !== LISTEN || !isStream(message)) return message;
    // The SDK's own stream would receive no notification from outside its isolate.
    await message.body?.cancel();
    return await serveListen(body, context);
  };
}

const lanes = new WeakMap<Catalogue, StatelessLane>();

/** The lane of a catalogue, created once per isolate. */
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
 * Identifies a call for its state: user, client, grant, URL, method and parameters. Excludes the members of a
 * continued call and the client's envelope.
 */
function describeCall(
  { method, params }: Readonly<Record<string, unknown>>,
  { identity: { userId, clientId, grantId } }: AuthenticatedRequest,
  catalogue: Catalogue,
): string {
  const { _meta, inputResponses, requestState, arguments: args, ...rest } = isRecord(params) ? params : {};
  return canonicalize([userId, clientId, grantId, catalogue.name, method, rest, args ?? {}]);
}
