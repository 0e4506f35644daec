import { overConnection } from "../../../../shared/encoding/platform-database.ts";
import { addPlanned, type ImportPlan, type ImportRules } from "../../../../shared/people/import.ts";
import {
  addLinks,
  addressOfLink,
  askForLinks,
  createLink,
  readMailed,
  withdrawLinks,
} from "../../../../shared/people/password-links.ts";
import type { Policy } from "../../../../shared/policy/compile.ts";
import { listRoles } from "../../../../shared/policy/current.ts";
import { runMarkedJob } from "../../admin-jobs/run-admin-jobs.ts";
import { readMailer } from "../../mail/mailer.ts";
import type { AskedLink } from "./links.ts";

/** Most people and bytes of a file here; the command takes more. */
export const IMPORT_LIMITS = { bytes: 256 * 1024, people: 1_000 } as const;

/** Messages that are sent before the page answers; the others follow within minutes. */
const SENT_AT_ONCE = 10;

/** What an import did. */
export interface ImportedPeople {
  added: number;
  /** Messages that were sent, and that follow. */
  sent: number;
  later: number;
  /** Links that are not in the mail, to be shown once. */
  shown: readonly { email: string; url: string }[];
  /** Why messages were not sent; `null` if none failed. */
  why: string | null;
}

/** By what a file is judged under a policy. */
export function rulesOf(policy: Policy): ImportRules {
  return { roles: listRoles(policy), defaultRole: policy.defaultRole, signIn: policy.signIn };
}

/**
 * Adds the people of a plan, all or none, by the same statements as the command, and brings each who needs one a link. Where
 * one of the first messages is not taken, all other links are shown.
 */
export async function importNow(
  env: Env,
  { fresh, linked }: ImportPlan,
  { by, mail }: AskedLink,
): Promise<ImportedPeople> {
  const database = overConnection(env.PLATFORM_DB);
  const mails = mail && readMailer(env) !== null;
  const asked = linked.map((user) => ({ user, kind: "invitation" as const, mark: crypto.randomUUID() }));
  const since = Date.now();
  await database.change(`${addPlanned(fresh, by)}\n${mails ? askForLinks(asked, by, since) : ""}`);
  const first = mails ? asked.slice(0, SENT_AT_ONCE) : [];
  await Promise.all(first.map(({ mark }) => runMarkedJob(env, mark)));
  const outcomes = new Map(
    first.length === 0
      ? []
      : (await database.query(readMailed(since))).map(({ mark, outcome }) => [
          String(mark),
          JSON.parse(String(outcome)) as { sent?: boolean; why?: string },
        ]),
  );
  const isSent = ({ mark }: { mark: string }) => outcomes.get(mark)?.sent === true;
  const failed = first.find((one) => !isSent(one));
  const sent = first.filter(isSent).length;
  if (mails && failed === undefined) {
    return { added: fresh.length, sent, later: asked.length - sent, shown: [], why: null };
  }
  const open = asked.filter((one) => !isSent(one)).map(({ user, mark }) => ({ user, mark, ...createLink() }));
  const at = Date.now();
  const marks = open.map(({ mark }) => mark);
  const sql = [withdrawLinks(marks, at), addLinks(open, { kind: "invitation", by, at })].join("\n");
  if (open.length > 0) await database.change(sql);
  const why = failed === undefined ? null : (outcomes.get(failed.mark)?.why ?? "A message was not sent.");
  const shown = open.map(({ user, token }) => ({ email: user, url: addressOfLink(env.PUBLIC_URL, token) }));
  return { added: fresh.length, sent, later: 0, shown, why };
}
