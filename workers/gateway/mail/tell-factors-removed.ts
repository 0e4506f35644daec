import { log } from "../../../shared/observe/log.ts";
import { whomToAsk } from "../whom-to-ask.ts";
import { MailError, readMailer, sendMail } from "./mailer.ts";
import { writeFactorsRemoved } from "./write-link.tsx";

/**
 * Tells a person by e-mail, where that is configured, that their second factor and passkeys were removed: it may not have been
 * asked for by them. A message that is not taken is an error in the log, because the removal stands without it.
 *
 * @param key - the same at every try
 */
export async function tellFactorsRemoved(env: Env, userId: string, key: string): Promise<void> {
  const mailer = readMailer(env);
  if (mailer === null) return;
  const person = await env.PLATFORM_DB.prepare(`SELECT "email", "name" FROM "user" WHERE "id" = ?`)
    .bind(userId)
    .first<{ email: string; name: string }>();
  if (person === null) return;
  const contact = await whomToAsk(env);
  const mail = writeFactorsRemoved({
    to: person.email,
    name: person.name,
    publicUrl: env.PUBLIC_URL,
    contact,
  });
  try {
    await sendMail(mailer, { ...mail, key });
    log("info", "factors_removed_mailed", {});
  } catch (failure) {
    const reason = failure instanceof MailError ? failure.message : "The message could not be handed over";
    log("error", "factors_removed_not_mailed", { reason });
  }
}
