import { digestText } from "../encoding/canonical-json.ts";
import { quoteText } from "../encoding/quote-text.ts";
import { MOST_TRIES } from "./admin-requests.ts";
import { idOfUser } from "./statements.ts";

/** Why a person gets a link: to choose a first password, or another one. */
export type LinkKind = "invitation" | "reset";

/** Hours that a link works. An invitation waits for its person; a reset is asked for at that moment. */
export const LINK_HOURS: Readonly<Record<LinkKind, number>> = { invitation: 7 * 24, reset: 24 };

/** How long a link works, in words. */
export function describeTerm(kind: LinkKind): string {
  const hours = LINK_HOURS[kind];
  return hours > 24 && hours % 24 === 0 ? `${hours / 24} days` : `${hours} hours`;
}

/** A new link. */
export interface NewLink {
  /** 256 random bits. In hexadecimal, because Cloudflare's tail events replace ids of 32 and more hexadecimal digits in addresses. */
  token: string;
  /** SHA-256 of the token, hexadecimal. A fast hash: 256 random bits cannot be guessed. */
  digest: string;
}

/** Creates the token of a link. */
export function createLink(): NewLink {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const token = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { token, digest: digestText(token) };
}

/** The address of a link's page. */
export function addressOfLink(publicUrl: string, token: string): string {
  const url = new URL("/password", publicUrl);
  url.searchParams.set("link", token);
  return url.href;
}

/** A link to store. */
export interface LinkToAdd {
  digest: string;
  kind: LinkKind;
  by: string;
  at: number;
  /** Id of the person who sees it on a page; without it no page shows it. */
  shownTo?: string | undefined;
  /** Condition in SQL under which it is made; without it always. */
  onlyIf?: string | undefined;
}

/** SQL: gives a person a link, by id or address; their earlier ones end. */
export function addLink(user: string, { digest, kind, by, at, shownTo, onlyIf = "1" }: LinkToAdd): string {
  const texts = [digest, kind, by].map(quoteText);
  const [stored, what, who] = texts;
  return [
    `DELETE FROM password_link WHERE user_id = ${idOfUser(user)} AND ${onlyIf};`,
    `INSERT INTO password_link (digest, user_id, kind, by, created_at, ends_at, shown_to)`,
    `SELECT ${stored}, "id", ${what}, ${who}, ${at}, ${at + LINK_HOURS[kind] * 3_600_000}, ${quoteOrNull(shownTo)} FROM "user" WHERE "id" = ${idOfUser(user)} AND ${onlyIf};`,
  ].join("\n");
}

const quoteOrNull = (text: string | undefined) => (text === undefined ? "NULL" : quoteText(text));

const WITHDRAWN = () => quoteText(JSON.stringify({ sent: false, why: NOT_MAILED.withdrawn }));

/** SQL: ends what is still to be sent to people, and what is missing, because they get another link. Ids as SQL. */
function settleMails(ids: readonly string[]): string {
  return `UPDATE admin_request SET done_at = ifnull(done_at, unixepoch() * 1000), outcome = ${WITHDRAWN()} WHERE kind = 'link_mail' AND user_id IN (${ids.join(", ")}) AND (done_at IS NULL OR outcome ->> 'sent' = 0);`;
}

/** Rows of one statement: D1 takes statements of up to 100 KB. */
const AT_ONCE = 100;

/** SQL: gives people a link each, by id or address; their earlier ones end. */
export function addLinks(
  links: readonly { user: string; digest: string }[],
  { kind, by, at, shownTo }: Omit<LinkToAdd, "digest" | "onlyIf">,
): string {
  const ends = at + LINK_HOURS[kind] * 3_600_000;
  return chunk(links, (some) => {
    const users = some.map(({ user }) => idOfUser(user));
    const rows = some.map(
      ({ user, digest }) =>
        `(${quoteText(digest)}, ${idOfUser(user)}, ${quoteText(kind)}, ${quoteText(by)}, ${at}, ${ends}, ${quoteOrNull(shownTo)})`,
    );
    return [
      settleMails(users),
      `DELETE FROM password_link WHERE user_id IN (${users.join(", ")});`,
      `INSERT INTO password_link (digest, user_id, kind, by, created_at, ends_at, shown_to) VALUES\n${rows.join(",\n")};`,
    ].join("\n");
  });
}

function chunk<Item>(items: readonly Item[], write: (some: readonly Item[]) => string): string {
  return Array.from({ length: Math.ceil(items.length / AT_ONCE) }, (_, index) =>
    write(items.slice(index * AT_ONCE, (index + 1) * AT_ONCE)),
  ).join("\n");
}

/** A person whom the Worker shall send a link. */
export interface LinkToMail {
  /** Id or address. */
  user: string;
  kind: LinkKind;
  /** UUID by which the Worker can be told of it. */
  mark: string;
}

/** SQL: asks the Worker to make links and to send them by e-mail. No token is stored: the Worker makes it when it sends. */
export function askForLinks(links: readonly LinkToMail[], by: string, at: number): string {
  return chunk(links, (some) => {
    const rows = some.map(
      ({ user, kind, mark }) =>
        `('link_mail', ${idOfUser(user)}, json_object('kind', ${quoteText(kind)}), ${quoteText(by)}, ${at}, ${quoteText(mark)})`,
    );
    const users = some.map(({ user }) => idOfUser(user));
    return `${settleMails(users)}\nINSERT INTO admin_request (kind, user_id, detail, by, at, mark) VALUES\n${rows.join(",\n")};`;
  });
}

/** Why a link is not in the mail, as the Worker notes it: it sends none, the person got one in another way, or needs none. */
export const NOT_MAILED = {
  off: "This Gatehouse sends no e-mail.",
  withdrawn: "The person got another link.",
  needless: "The person has a password already.",
} as const;

/**
 * SQL: ends requests for links that no run has taken: the one who asked gives the links. A reason stays. By the clock of the
 * database: a command's may be ahead of the Worker's, which took them. By their people, since marks have no index.
 */
export function withdrawLinks(links: readonly Pick<LinkToMail, "user" | "mark">[]): string {
  const outcome = `iif(outcome ->> 'why' IS NULL, ${WITHDRAWN()}, outcome)`;
  return chunk(links, (some) => {
    const marks = some.map(({ mark }) => quoteText(mark));
    const users = some.map(({ user }) => idOfUser(user));
    return `UPDATE admin_request INDEXED BY admin_request_open_of SET done_at = unixepoch() * 1000, outcome = ${outcome} WHERE done_at IS NULL AND ifnull(outcome ->> 'taken', 0) <= unixepoch() * 1000 AND mark IN (${marks.join(", ")}) AND user_id IN (${users.join(", ")});`;
  });
}

/**
 * SQL: requests for links that were made together, by their marks, and what became of them so far. By the moment that who asked
 * has written into them, so that no other clock counts.
 *
 * @param at - of {@link askForLinks}
 * @param only - of one of them: its mark, and its person by id or address
 */
export function readMailed(at: number, only?: Pick<LinkToMail, "user" | "mark">): string {
  const one = only && ` AND user_id = ${idOfUser(only.user)} AND mark = ${quoteText(only.mark)}`;
  return `SELECT mark, done_at, outcome FROM admin_request WHERE kind = 'link_mail' AND at = ${at}${one ?? ""};`;
}

/** SQL: how many messages with links are still to be sent, and until when the provider asked to wait. */
export const COUNT_OPEN_LINKS = `SELECT count(*) AS open, max(outcome ->> 'until') AS until FROM admin_request WHERE done_at IS NULL AND kind = 'link_mail' AND tries < ${MOST_TRIES};`;

/** Says how many messages with links are still to be sent, from a row of {@link COUNT_OPEN_LINKS}; `null` for none. */
export function describeOpenLinks(
  row: Readonly<Record<string, unknown>> | undefined,
  now: number,
): string | null {
  const [open, until] = [Number(row?.open ?? 0), Number(row?.until ?? 0)];
  if (open === 0) return null;
  const waits = new Date(until).toISOString().slice(0, 16).replace("T", " ");
  const when =
    until > now
      ? `The provider of e-mail asks to wait until ${waits} UTC.`
      : "Gatehouse goes on every minute.";
  return `${open === 1 ? "One message with a link is" : `${open} messages with links are`} still to be sent. ${when}`;
}

/** SQL: notes for the trail that a person got a link for another password, which ends what is still to be sent to them. */
export function noteLink(email: string): string {
  return `${settleMails([idOfUser(email)])}\n${noteLinksOf([idOfUser(email)], "database")}`;
}

/** SQL: notes for the trail that people got a link each, and who gave them. By id or address. */
export function noteLinks(users: readonly string[], by: string): string {
  return chunk(users, (some) => noteLinksOf(some.map(idOfUser), by));
}

function noteLinksOf(ids: readonly string[], by: string): string {
  const change = `json_object('change', 'password_link', 'oldRole', "role", 'newRole', "role")`;
  return [
    `INSERT INTO admin_request (kind, user_id, detail, by, at)`,
    `SELECT 'person_change', "id", ${change}, ${quoteText(by)}, unixepoch() * 1000 FROM "user" WHERE "id" IN (${ids.join(", ")});`,
  ].join("\n");
}

/** SQL: whether a person has a password. */
export function readHasPassword(email: string): string {
  return `SELECT count(*) AS total FROM "account" WHERE "providerId" = 'credential' AND "password" IS NOT NULL AND "userId" = ${idOfUser(email)};`;
}
