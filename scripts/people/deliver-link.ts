import { randomUUID } from "node:crypto";
import {
  addLinks,
  addressOfLink,
  askForLinks,
  createLink,
  describeTerm,
  type LinkKind,
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

/** Links for people, by their addresses. */
export interface Delivery {
  to: readonly string[];
  kind: LinkKind;
  /** Whether links are printed without an e-mail. */
  print: boolean;
}

/**
 * Brings each person a link: the Worker sends it by e-mail, where it can, and the link is never here. Where it cannot, does
 * not answer, or a message was not taken, the link is printed with the reason, for the administrator to pass on.
 */
export async function deliverLinks(
  database: PlatformDatabase,
  addressee: Addressee,
  { to, kind, print }: Delivery,
): Promise<void> {
  const outcomes = print ? new Map<string, string | null>() : await mailLinks(database, addressee, to, kind);
  const sent = to.filter((address) => outcomes.get(address) === null);
  const open = to.filter((address) => outcomes.get(address) !== null);
  const span = describeTerm(kind);
  if (sent.length === 1) console.log(`Sent ${sent[0]} a link by e-mail; it works once within ${span}.`);
  if (sent.length > 1)
    console.log(`Sent ${sent.length} people a link each by e-mail; it works once within ${span}.`);
  if (open.length === 0) return;
  const links = open.map((user) => ({ user, ...createLink() }));
  await database.change(addLinks(links, { kind, by: nameAsker("people"), at: Date.now() }));
  for (const why of new Set(open.flatMap((address) => outcomes.get(address) ?? []))) console.log(why);
  for (const { user: address, token } of links) {
    console.log(
      `Link, shown this once; it works once within ${span}. Give it to ${address} and to no one else:\n  ${addressOfLink(addressOf(addressee), token)}`,
    );
  }
}

/** Has the Worker send links: by address `null` for a link that is sent, or why it is not. */
async function mailLinks(
  database: PlatformDatabase,
  addressee: Addressee,
  to: readonly string[],
  kind: LinkKind,
): Promise<Map<string, string | null>> {
  const asked = to.map((user) => ({ user, kind, mark: randomUUID() }));
  const since = Date.now();
  await database.change(askForLinks(asked, nameAsker("people"), since));
  const tell = ({ mark }: { mark: string }) =>
    notifyWorker(addressee, { path: "/people/changes", body: { mark } }, MAIL_MS);
  const [first, ...others] = asked;
  const told = first === undefined ? "told" : await tell(first);
  const why =
    told === "not_running" ? "No Gatehouse runs here to send e-mail." : "Gatehouse did not answer in time."; // Its later message would have no link: see withdrawLinks.
  // Where the first one cannot be sent because no e-mail is configured, no other one can.
  let refused = told === "refused";
  if (told === "told" && (await readOutcomes(database, since)).get(first?.mark ?? "") !== NOT_MAILED.off) {
    const rest = [...others];
    await Promise.all(
      Array.from({ length: TOGETHER }, async () => {
        for (let next = rest.shift(); next !== undefined && !refused; next = rest.shift())
          refused ||= (await tell(next)) === "refused";
      }),
    );
  }
  await database.change(
    withdrawLinks(
      asked.map(({ mark }) => mark),
      Date.now(),
    ),
  );
  const outcomes = await readOutcomes(database, since);
  const configured = [...outcomes.values()].includes(NOT_MAILED.off) ? NOT_MAILED.off : null;
  // Where the provider takes none for now, the others were not asked for: its reason is theirs.
  const given = asked.map(({ mark }) => outcomes.get(mark));
  const failed = refused ? given.find((text) => text && text !== NOT_MAILED.withdrawn) : undefined;
  return new Map(
    asked.map(({ user, mark }) => {
      const outcome = outcomes.get(mark);
      return [
        user,
        outcome === undefined || outcome === NOT_MAILED.withdrawn ? (configured ?? failed ?? why) : outcome,
      ];
    }),
  );
}

/** By mark `null` for a message that was taken, or the Worker's sentence. */
async function readOutcomes(
  database: PlatformDatabase,
  since: number,
): Promise<ReadonlyMap<string, string | null>> {
  const rows = await database.query(readMailed(since - 60_000));
  return new Map(
    rows.map(({ mark, outcome }) => {
      const { sent, why } = JSON.parse(String(outcome)) as { sent?: boolean; why?: string };
      return [String(mark), sent === true ? null : String(why)];
    }),
  );
}
