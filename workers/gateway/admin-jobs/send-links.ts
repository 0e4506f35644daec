import { z } from "zod";
import { NOT_MAILED } from "../../../shared/people/password-links.ts";
import { giveLink } from "../mail/give-link.ts";
import type { MailFault } from "../mail/mailer.ts";
import type { AdminRequest } from "./admin-request.ts";

const LINK = z.object({ kind: z.enum(["invitation", "reset"]) });

/** Longest that a provider may ask to wait, in milliseconds. */
const LONGEST_WAIT_MS = 6 * 60 * 60_000;

/** A link that is not in the mail, with the reason as a sentence. */
export interface NotSent {
  sent: false;
  why: string;
  /** Before when no message is to be tried again, in milliseconds since the epoch, if the provider said so. */
  until?: number;
  /** Whether the provider takes none for now, and so the message follows. */
  follows?: true;
  /** Whether a try may have been taken: it counts among the messages of its address, and further tries do not. */
  counted?: true;
}

/** What became of a request for a link. */
export type LinkOutcome = { sent: true } | NotSent;

/** A message that the provider may take later: its request stays open, and the failure counts as a try. */
export class NotSentYet extends Error {
  override readonly name = "NotSentYet";
  readonly outcome: NotSent;
  readonly fault: MailFault;
  constructor(outcome: NotSent, fault: MailFault) {
    super(outcome.why);
    this.outcome = outcome;
    this.fault = fault;
  }
}

/** Makes the link that a request asks for, and sends it. Throws {@link NotSentYet} where it is to be tried again. */
export async function sendAskedLink(env: Env, request: AdminRequest): Promise<LinkOutcome> {
  // The address may change between its read and the link: then it is read again.
  const outcome = (await trySending(env, request)) ?? (await trySending(env, request));
  return outcome ?? { sent: false, why: "There is no such person, or no such request, any more." };
}

/** `null` where no link was made. */
async function trySending(
  env: Env,
  { id, userId, detail, by, counted }: AdminRequest,
): Promise<LinkOutcome | null> {
  const { kind } = LINK.parse(detail);
  const holder = await env.PLATFORM_DB.prepare(
    `SELECT "id", "email", "name", "disabled", EXISTS (SELECT 1 FROM "account" WHERE "userId" = "user"."id"
       AND "providerId" = 'credential' AND "password" IS NOT NULL) AS known FROM "user" WHERE "id" = ?`,
  )
    .bind(userId)
    .first<{ id: string; email: string; name: string; disabled: number; known: number }>();
  // The message may be late: the person has chosen a password with another link meanwhile.
  if (holder?.known === 1 && kind === "invitation") return { sent: false, why: NOT_MAILED.needless };
  if (holder?.disabled === 1) return { sent: false, why: "The person is kept out." };
  // The command that asked may have stopped waiting, and given a link itself.
  const onlyIf = `EXISTS (SELECT 1 FROM admin_request WHERE id = ${id} AND done_at IS NULL)`;
  const given = holder && (await giveLink(env, holder, { kind, by, onlyIf, byMailAlone: true, counted }));
  if (!given) return null;
  if (given.sent) return { sent: true };
  const why = given.why ?? NOT_MAILED.off;
  if (given.fault === undefined || given.fault.of === "message") return { sent: false, why };
  const { waitMs } = given.fault;
  const until = waitMs === null ? {} : { until: Date.now() + Math.min(waitMs, LONGEST_WAIT_MS) };
  const follows = given.fault.of === "provider" ? { follows: true as const } : {};
  const counts = counted || !given.fault.certain ? { counted: true as const } : {};
  throw new NotSentYet({ sent: false, why, ...until, ...follows, ...counts }, given.fault);
}
