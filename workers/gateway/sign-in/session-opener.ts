import type { GenericEndpointContext } from "better-auth";
import { createAuthEndpoint } from "better-auth/api";
import { setSessionCookie } from "better-auth/cookies";
import { z } from "zod";

/** Path of a session that needs no code more. */
export const OPENED = "/sign-in/opened";
/**
 * Path of a session after which the second factor is asked. The library's second-factor plug-in asks after sign-ins at
 * three paths; its own plug-in of this path is not used here.
 */
const CHALLENGED = "/sign-in/username";

const body = z.object({
  userId: z.string(),
  mfaAt: z.number().nullable(),
  provenAt: z.number().nullable(),
});

const options = { method: "POST", body, metadata: { SERVER_ONLY: true } } as const;

/**
 * A plug-in of better-auth that opens a session for a person whom Gatehouse has recognised itself: with another system's
 * word, or with a passkey. Server API only. `openSession` opens it; `openChallengedSession` asks a person who has a
 * second factor for it first, as after a password. Neither opens one for a
 * person who is gone or disabled.
 */
export function sessionOpener() {
  return {
    id: "session-opener",
    endpoints: {
      openSession: createAuthEndpoint(OPENED, options, (context) => open(context, context.body)),
      openChallengedSession: createAuthEndpoint(CHALLENGED, options, (context) =>
        open(context, context.body),
      ),
    },
  } as const;
}

async function open(
  context: GenericEndpointContext,
  asked: z.output<typeof body>,
): Promise<{ opened: boolean }> {
  const { internalAdapter } = context.context;
  const { userId, ...about } = asked;
  const user = await internalAdapter.findUserById(userId);
  if (user === null) return { opened: false };
  const session = await internalAdapter.createSession(userId, false, about, true);
  // A hook refuses a disabled person.
  if (!session) return { opened: false };
  await setSessionCookie(context, { session, user });
  return { opened: true };
}
