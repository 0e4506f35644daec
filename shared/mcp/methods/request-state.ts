import {
  createRequestStateCodec,
  type RequestStateCodec,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import type { Key, Keyring } from "../../auth/keyring.ts";
import { NOTHING_ASKED, type Round } from "../../call/input-needed.ts";

/** Seconds in which a half-answered call can be continued. */
const ROUND_TTL_SECONDS = 600;

/** Signs the questions and answers of a call, and verifies them when the call is continued. */
export interface RoundState {
  mint(round: Omit<Round, "id">): Promise<string>;
  /** Throws when it is not ours, too old, or of another call. */
  verify(state: string): Promise<Round>;
}

const ROUND = z.object({
  id: z.string(),
  open: z.record(z.string(), z.string()),
  answered: z.array(z.object({ digest: z.string(), response: z.unknown() })),
});

/** The state is bound by {@link openRoundState}'s `bind`; the SDK's context is not used. */
const NO_CONTEXT = {} as ServerContext;

/**
 * Codec for the state of one call's rounds. The SDK's codec takes one key, so there is one codec per key: the
 * first mints, all verify.
 *
 * @param bind - identifies the call; state of another call is refused. Called only when there is state
 */
export function openRoundState(keyring: Keyring, bind: () => string): RoundState {
  const open = ({ secret }: Key): RequestStateCodec<unknown> =>
    createRequestStateCodec<unknown>({ key: secret, ttlSeconds: ROUND_TTL_SECONDS, bind });
  const [newest, ...older] = keyring;
  return {
    mint: (round) => open(newest).mint({ id: crypto.randomUUID(), ...round }, NO_CONTEXT),
    async verify(state) {
      try {
        return readRound(await open(newest).verify(state, NO_CONTEXT));
      } catch (failure) {
        for (const key of older) {
          const round = await open(key)
            .verify(state, NO_CONTEXT)
            .catch(() => null);
          if (round !== null) return readRound(round);
        }
        throw failure;
      }
    },
  };
}

/** State of an earlier release does not contain the questions: every question is asked again. */
function readRound(signed: unknown): Round {
  const parsed = ROUND.safeParse(signed);
  if (!parsed.success) return NOTHING_ASKED;
  const { id, open, answered } = parsed.data;
  return { id, open, answered: answered.map(({ digest, response }) => ({ digest, response })) };
}
