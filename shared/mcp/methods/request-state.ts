import {
  createRequestStateCodec,
  type RequestStateCodec,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { Key, Keyring } from "../../auth/keyring.ts";
import type { InputAnswers } from "../../call/input-needed.ts";

/** Seconds a half-answered call can be continued. */
const ROUND_TTL_SECONDS = 600;

/** Signs what was answered so far, and reads it again when the call is continued. */
export interface RoundState {
  mint(answers: InputAnswers): Promise<string>;
  /** Throws when it is not ours, too old, or of another call. */
  verify(state: string): Promise<InputAnswers>;
}

/** The binding is the call's own: nothing of the SDK's context goes into it. */
const NO_CONTEXT = {} as ServerContext;

/**
 * The state of one call's rounds. The SDK's codec knows one key: there is one for each, the first mints, all verify.
 *
 * @param bind - names the call: state of another call is refused. Asked only when there is state
 */
export function openRoundState(keyring: Keyring, bind: () => string): RoundState {
  const open = ({ secret }: Key): RequestStateCodec<InputAnswers> =>
    createRequestStateCodec<InputAnswers>({ key: secret, ttlSeconds: ROUND_TTL_SECONDS, bind });
  const [newest, ...older] = keyring;
  return {
    mint: (answers) => open(newest).mint(answers, NO_CONTEXT),
    async verify(state) {
      try {
        return await open(newest).verify(state, NO_CONTEXT);
      } catch (failure) {
        for (const key of older) {
          const answers = await open(key)
            .verify(state, NO_CONTEXT)
            .catch(() => null);
          if (answers !== null) return answers;
        }
        throw failure;
      }
    },
  };
}
