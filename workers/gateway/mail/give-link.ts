import { overConnection } from "../../../shared/encoding/platform-database.ts";
import { quoteText } from "../../../shared/encoding/quote-text.ts";
import { log } from "../../../shared/observe/log.ts";
import {
  addLink,
  addressOfLink,
  createLink,
  LINK_HOURS,
  type LinkKind,
  NOT_MAILED,
} from "../../../shared/people/password-links.ts";
import { admitAttempt, resetAttempts } from "../limits/attempts.ts";
import { whomToAsk } from "../whom-to-ask.ts";
import { MailError, type MailFault, type Post, readMailer, sendMail } from "./mailer.ts";
import { writeLink } from "./write-link.tsx";

/** Most messages with a link that one address gets within a day, for all who ask together. */
export const MOST_MAILS = 5;
const DAY_MS = 24 * 60 * 60_000;

/** A person who gets a link. */
export interface LinkHolder {
  id: string;
  email: string;
  name: string;
}

/** A link that was made. `sent`: it is in the person's mail; else `why` says in a sentence why it is not, if it should be. */
export type GivenLink = { url: string } & (
  | { sent: true }
  | { sent: false; why: string | null /** Of the message, if it was tried. */; fault?: MailFault }
);

/** Of {@link giveLink}. */
interface Giving {
  kind: LinkKind;
  /** Who gives it, for the record. */
  by: string;
  /** Id of the person to whom a page shows the link, unless it is sent. */
  shownTo?: string | undefined;
  /** Condition in SQL under which the link is made; without it always. */
  onlyIf?: string;
  /** `false` for a link that is to be shown. */
  mail?: boolean;
  /** Whether a link that was not sent is seen by no one, and so is removed. */
  byMailAlone?: boolean;
  /** Whether an earlier try of the same message counts among those of its address. */
  counted?: boolean;
  post?: Post;
}

/**
 * Makes a link for a person and sends it by e-mail, where a deployment can. A link that could not be sent works all the
 * same: the caller shows it, once. `null` when the condition did not hold, or the address is not the person's any more.
 */
export async function giveLink(
  env: Env,
  { id, email, name }: LinkHolder,
  { kind, by, shownTo, onlyIf = "1", mail: mails = true, byMailAlone = false, counted = false, post }: Giving,
): Promise<GivenLink | null> {
  const { token, digest } = createLink();
  const at = Date.now();
  const reached = `EXISTS (SELECT 1 FROM "user" WHERE "id" = ${quoteText(id)} AND "email" = ${quoteText(email)})`;
  const condition = mails ? `${onlyIf} AND ${reached}` : onlyIf;
  await overConnection(env.PLATFORM_DB).change(
    addLink(id, { digest, kind, by, at, shownTo, onlyIf: condition }),
  );
  const made = env.PLATFORM_DB.prepare("SELECT 1 FROM password_link WHERE digest = ?").bind(digest);
  if ((await made.first()) === null) return null;
  const url = addressOfLink(env.PUBLIC_URL, token);
  if (!mails) return { url, sent: false, why: null };
  const removeUnseen = async () => {
    if (!byMailAlone) return;
    await env.PLATFORM_DB.prepare("DELETE FROM password_link WHERE digest = ?").bind(digest).run();
  };
  const mailer = readMailer(env);
  if (mailer === null) {
    await removeUnseen();
    return { url, sent: false, why: NOT_MAILED.off };
  }
  const limit = { subject: `mail|${email.toLowerCase()}`, limit: MOST_MAILS, windowMs: DAY_MS };
  if (!counted && !(await admitAttempt(env, [limit], at)).admitted) {
    await removeUnseen();
    return {
      url,
      sent: false,
      why: `This address got ${MOST_MAILS} messages within a day, and gets no more.`,
    };
  }
  const ends = at + LINK_HOURS[kind] * 3_600_000;
  const mail = writeLink({ to: email, name, kind, url, ends, contact: await whomToAsk(env) });
  try {
    await sendMail(mailer, mail, post);
  } catch (failure) {
    // A failure that is not ours may hold the message, and with it the link.
    const why = failure instanceof MailError ? failure.message : "The message could not be handed over";
    const fault: MailFault =
      failure instanceof MailError ? failure.fault : { of: "provider", waitMs: null, certain: false };
    log("error", "link_not_mailed", { kind, reason: why });
    if (fault.certain) {
      // A message that was not taken leaves the address those that it may get. An earlier try may have been taken.
      if (!counted) await resetAttempts(env, [limit]);
      await removeUnseen();
    }
    return { url, sent: false, why: `${why}.`, fault };
  }
  log("info", "link_mailed", { kind });
  if (shownTo !== undefined) await noteUnshown(env.PLATFORM_DB, digest);
  return { url, sent: true };
}

/** Notes that a page shows a link to no one. Where the database fails, the link ends with who asked for it: the message is sent. */
async function noteUnshown(database: D1Database, digest: string): Promise<void> {
  try {
    await database.prepare("UPDATE password_link SET shown_to = NULL WHERE digest = ?").bind(digest).run();
  } catch (failure) {
    log("error", "link_reader_kept", { error: String(failure) });
  }
}
