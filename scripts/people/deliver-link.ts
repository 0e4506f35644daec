import { randomUUID } from "node:crypto";
import {
  addLinks,
  addressOfLink,
  askForLinks,
  createLink,
  describeTerm,
  type LinkKind,
  type LinkToMail,
  NOT_MAILED,
  readMailed,
  withdrawLinks,
} from "../../shared/people/password-links.ts";
import type { PlatformDatabase } from "../platform/database.ts";
import { type Addressee, addressOf, notifyWorker } from "../platform/notify-worker.ts";
import { nameAsker } from "../platform/requests.ts";

/** Messages that the Worker is asked to send at the same time. */
const TOGETHER = 4;
/** Milliseconds that the Worker has for one message. */
const MAIL_MS = 30_000;
/** Messages after which the command says how far it is. */
const TOLD_EACH = 50;
/** Links that are stored and printed together. Few, so that a running Gatehouse can write in between. */
const STORED_AT_ONCE = 1_000;

/** Links for people, by their addresses. */
export interface Delivery {
  to: readonly string[];
  kind: LinkKind;
  /** Whether links are printed without an e-mail. */
  print: boolean;
}

/** What became of the links that the Worker was asked to send. */
interface Mailed {
  /** By address `null` for a link that is sent, or why it is not. Without those that follow. */
  outcomes: ReadonlyMap<string, string | null>;
  /** Addresses whose message the Worker sends later, and why not at once. */
  follow: ReadonlySet<string>;
  why: string | null;
}

const NONE_MAILED: Mailed = { outcomes: new Map(), follow: new Set(), why: null };

/**
 * Brings each person a link: the Worker sends it by e-mail, where it can, and the link is never here. Of many, those that the
 * provider does not take for now follow. Where the Worker cannot send, does not answer, or a message was not taken, the link
 * is printed with the reason, for the administrator to pass on.
 */
export async function deliverLinks(
  database: PlatformDatabase,
  addressee: Addressee,
  { to, kind, print }: Delivery,
): Promise<void> {
  const { outcomes, follow, why } = print ? NONE_MAILED : await mailLinks(database, addressee, to, kind);
  const sent = to.filter((address) => outcomes.get(address) === null);
  const open = to.filter((address) => outcomes.get(address) !== null && !follow.has(address));
  const span = describeTerm(kind);
  if (sent.length === 1) console.log(`Sent ${sent[0]} a link by e-mail; it works once within ${span}.`);
  if (sent.length > 1)
    console.log(`Sent ${sent.length} people a link each by e-mail; it works once within ${span}.`);
  if (follow.size > 0) {
    if (why !== null) console.log(why);
    const many = follow.size === 1 ? "One more message follows" : `${follow.size} more messages follow`;
    console.log(`${many} within minutes. How many are left: npm run people -- list`);
  }
  if (open.length === 0) return;
  for (const reason of new Set(open.flatMap((address) => outcomes.get(address) ?? []))) console.log(reason);
  const base = addressOf(addressee);
  for (let next = 0; next < open.length; next += STORED_AT_ONCE) {
    const links = open.slice(next, next + STORED_AT_ONCE).map((user) => ({ user, ...createLink() }));
    await database.change(addLinks(links, { kind, by: nameAsker("people"), at: Date.now() }));
    for (const { user: address, token } of links) {
      console.log(
        `Link, shown this once; it works once within ${span}. Give it to ${address} and to no one else:\n  ${addressOfLink(base, token)}`,
      );
    }
  }
}

/** Has the Worker send links, several at a time, until one is refused. */
async function mailLinks(
  database: PlatformDatabase,
  addressee: Addressee,
  to: readonly string[],
  kind: LinkKind,
): Promise<Mailed> {
  const asked = to.map((user) => ({ user, kind, mark: randomUUID() }));
  const at = Date.now();
  await database.change(askForLinks(asked, nameAsker("people"), at));
  const tell = ({ mark }: { mark: string }) =>
    notifyWorker(addressee, { path: "/people/changes", body: { mark } }, MAIL_MS);
  const [first, ...others] = asked;
  const told = first === undefined ? "told" : await tell(first);
  // Where the first one cannot be sent because no e-mail is configured, no other one can.
  const early = first && (await readOutcomes(database, at, first)).get(first.mark);
  let refused = told === "refused" && early?.done !== true;
  // A request that a run of the Worker has carried out meanwhile is unknown to it, and not refused.
  const isRefused = async (one: LinkToMail) =>
    (await tell(one)) === "refused" && (await readOutcomes(database, at, one)).get(one.mark)?.done !== true;
  if ((told === "told" || early?.done === true) && early?.why !== NOT_MAILED.off) {
    const rest = [...others];
    await Promise.all(
      Array.from({ length: TOGETHER }, async () => {
        for (let next = rest.shift(); next !== undefined && !refused; next = rest.shift()) {
          if (await isRefused(next)) refused = true;
          const done = others.length - rest.length;
          if (done % TOLD_EACH === 0) console.error(`${done} of ${to.length} messages …`);
        }
      }),
    );
  }
  const failed = refused
    ? [...(await readOutcomes(database, at)).values()].find(({ done, why }) => !done && why !== null)
    : undefined;
  // One person's link is wanted now. The messages of an import follow once the provider takes some again.
  const isLater = to.length > 1 && failed?.follows === true;
  if (!isLater) await database.change(withdrawLinks(asked));
  const outcomes = await readOutcomes(database, at);
  const silent =
    told === "not_running" ? "No Gatehouse runs here to send e-mail." : "Gatehouse did not answer in time.";
  // Where the provider takes none, the others were not asked for: its reason is theirs.
  const reason = early?.why === NOT_MAILED.off ? NOT_MAILED.off : (failed?.why ?? silent);
  const given = asked.map(({ user, mark }) => ({ user, ...outcomes.get(mark) }));
  return {
    outcomes: new Map(
      given
        .filter(({ done }) => done !== false)
        .map(({ user, sent, why }) => [
          user,
          sent ? null : why === NOT_MAILED.withdrawn ? reason : (why ?? reason),
        ]),
    ),
    // A message that a run of the Worker has in hand is not withdrawn. A request that is not there is not carried out.
    follow: new Set(given.filter(({ done }) => done === false).map(({ user }) => user)),
    why: isLater ? (failed?.why ?? null) : null,
  };
}

/** What became of a request, so far. */
interface Outcome {
  done: boolean;
  sent: boolean;
  follows: boolean;
  why: string | null;
}

async function readOutcomes(
  database: PlatformDatabase,
  at: number,
  only?: LinkToMail,
): Promise<ReadonlyMap<string, Outcome>> {
  const rows = await database.query(readMailed(at, only));
  return new Map(
    rows.map(({ mark, done_at: doneAt, outcome }) => {
      const said = JSON.parse(String(outcome ?? "{}")) as { sent?: boolean; why?: string; follows?: boolean };
      const { sent = false, why = null, follows = false } = said;
      return [String(mark), { done: doneAt !== null, sent, follows, why }];
    }),
  );
}
