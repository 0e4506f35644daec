import type { PrincipalIdentity } from "../../call/principal.ts";
import { traceIdOf } from "../../observe/trace.ts";
import type { Policy } from "../../policy/compile.ts";
import { masksOf } from "../../policy/masks.ts";
import type { Entry } from "../../server/catalogue.ts";
import type { CallContext } from "../../server/define.ts";
import { emptyContext } from "../../session/context.ts";
import type { SessionMemory } from "../../session/session-memory.ts";
import { ContextRecorder } from "../context-recorder.ts";
import { upstreamOf } from "../open-upstream.ts";
import { DEFAULT_TIMEOUT_MS, runBounded } from "../run.ts";
import { disposeStore } from "../store-scope.ts";

/** Subscribers have no session memory: reads return an empty context, writes are dropped. */
const EMPTY_MEMORY: SessionMemory = {
  read: async () => emptyContext(),
  apply: async () => {},
  keepResult: async () => {},
  readResult: async () => null,
};

/**
 * Opens an entry's data for a subscriber outside of a call: no limit counts it and no record is written. The caller
 * has asked the policy. Ends at the deadline of a call.
 */
export async function readUnguarded<Seen>(
  { env, identity, policy }: { env: Env; identity: PrincipalIdentity; policy: Policy },
  entry: Entry<unknown>,
  work: (context: CallContext) => Promise<Seen>,
): Promise<Seen> {
  const store = await entry.openStore(env, identity, masksOf(policy, identity.role), EMPTY_MEMORY);
  const context = new ContextRecorder(emptyContext());
  const traceId = traceIdOf(new Headers());
  try {
    return await runBounded(new AbortController().signal, DEFAULT_TIMEOUT_MS, (signal) => {
      const upstream = upstreamOf({ env, identity, traceId }, entry.subject, signal);
      // A look reaches no model. What is sent of it is marked when its delivery is admitted.
      const meets = () => {};
      const fromCache = () => {};
      const reading = { store, principal: identity, context, signal, fetch: upstream };
      return work({ ...reading, meets, fromCache, now: new Date() });
    });
  } finally {
    await disposeStore(store);
  }
}
