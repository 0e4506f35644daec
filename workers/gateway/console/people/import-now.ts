import { overConnection } from "../../../../shared/encoding/platform-database.ts";
import { addPlanned, type ImportPlan, type ImportRules } from "../../../../shared/people/import.ts";
import {
  addLinks,
  addressOfLink,
  askForLinks,
  createLink,
  withdrawLinks,
} from "../../../../shared/people/password-links.ts";
import type { Policy } from "../../../../shared/policy/compile.ts";
import { listRoles } from "../../../../shared/policy/current.ts";
import { sendMarkedLink } from "../../admin-jobs/run-admin-jobs.ts";
import { NotSentYet } from "../../admin-jobs/send-links.ts";
import { readMailer } from "../../mail/mailer.ts";
import type { AskedLink } from "./links.ts";

/** Most people and bytes of a file here; the command takes more. */
export const IMPORT_LIMITS = { bytes: 256 * 1024, people: 1_000 } as const;

/** Messages that are sent before the page answers; the others follow with the next runs of the jobs. */
const SENT_AT_ONCE = 10;
/** Milliseconds that the page waits, in all, for a provider that asks to wait. */
const PATIENCE_MS = 5_000;

/** What an import did. */
export interface ImportedPeople {
  added: number;
  /** Messages that were sent, and that follow. */
  sent: number;
  later: number;
  /** Links that are not and will not be in the mail, to be shown once. */
  shown: readonly { email: string; url: string }[];
  /** Why messages were not sent, or not yet; `null` if none failed. */
  why: string | null;
}

/** By what a file is judged under a policy. */
export function rulesOf(policy: Policy): ImportRules {
  return { roles: listRoles(policy), defaultRole: policy.defaultRole, signIn: policy.signIn };
}

/**
 * Adds the people of a plan, all or none, by the same statements as the command, and brings each who needs one a link. Where
 * the provider takes no message for now, the jobs send the rest; whose own message it refuses gets a link that is shown; and
 * where it takes none with the settings of this deployment, all other links are shown.
 */
export async function importNow(
  env: Env,
  plan: ImportPlan,
  { by, asking: shownTo, mail }: AskedLink,
): Promise<ImportedPeople> {
  const database = overConnection(env.PLATFORM_DB);
  const at = Date.now();
  const added = plan.fresh.length;
  const invited = [...plan.linked, ...plan.waiting];
  if (!mail || readMailer(env) === null) {
    const links = invited.map((user) => ({ user, ...createLink() }));
    await database.change(
      `${addPlanned(plan, by)}\n${addLinks(links, { kind: "invitation", by, at, shownTo })}`,
    );
    return { added, sent: 0, later: 0, shown: showLinks(env, links), why: null };
  }
  const asked = invited.map((user) => ({ user, kind: "invitation" as const, mark: crypto.randomUUID() }));
  await database.change(`${addPlanned(plan, by)}\n${askForLinks(asked, by, at)}`);
  const { sent, refused, takesNone, why } = await sendFirst(env, asked);
  const links = asked
    .filter(({ mark }) => refused.has(mark) || (takesNone && !sent.has(mark)))
    .map(({ user, mark }) => ({ user, mark, ...createLink() }));
  if (links.length > 0) {
    const given = addLinks(links, { kind: "invitation", by, at: Date.now(), shownTo });
    await database.change(`${withdrawLinks(links)}\n${given}`);
  }
  const later = asked.length - sent.size - links.length;
  return { added, sent: sent.size, later, shown: showLinks(env, links), why };
}

/** What became of the first messages, by the marks of their requests. */
interface FirstSent {
  sent: ReadonlySet<string>;
  /** Messages that the provider never takes. */
  refused: ReadonlySet<string>;
  /** Whether it takes none with the settings of this deployment. */
  takesNone: boolean;
  why: string | null;
}

/** Sends the first messages, one after the other: providers limit how many they take within a second. */
async function sendFirst(env: Env, asked: readonly { mark: string }[]): Promise<FirstSent> {
  const [sent, refused] = [new Set<string>(), new Set<string>()];
  let why: string | null = null;
  let patience = PATIENCE_MS;
  for (const { mark } of asked.slice(0, SENT_AT_ONCE)) {
    let outcome = await sendMarkedLink(env, mark);
    const wait = outcome instanceof NotSentYet ? outcome.fault.waitMs : null;
    if (wait !== null && wait <= patience) {
      patience -= wait;
      await scheduler.wait(wait);
      outcome = await sendMarkedLink(env, mark);
    }
    if (outcome instanceof NotSentYet)
      return { sent, refused, takesNone: outcome.fault.of === "settings", why: outcome.outcome.why };
    // The jobs have taken the request up meanwhile.
    if (outcome === null) continue;
    if (outcome.sent) sent.add(mark);
    else {
      refused.add(mark);
      why ??= outcome.why;
    }
  }
  return { sent, refused, takesNone: false, why };
}

function showLinks(env: Env, links: readonly { user: string; token: string }[]) {
  return links.map(({ user, token }) => ({ email: user, url: addressOfLink(env.PUBLIC_URL, token) }));
}
