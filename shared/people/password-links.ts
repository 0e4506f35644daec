import { digestText } from "../encoding/canonical-json.ts";
import { quoteText } from "../encoding/quote-text.ts";
import { idOfUser } from "./statements.ts";

/** Why a person gets a link: to choose a first password, or another one. */
export type LinkKind = "invitation" | "reset";

/** Hours that a link works. An invitation waits for its person; a reset is asked for at that moment. */
export const LINK_HOURS: Readonly<Record<LinkKind, number>> = { invitation: 7 * 24, reset: 24 };

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

/** SQL: gives a person a link; their earlier ones end. */
export function addLink(
  email: string,
  { digest, kind, by, at }: { digest: string; kind: LinkKind; by: string; at: number },
): string {
  const texts = [digest, kind, by].map(quoteText);
  const [stored, what, who] = texts;
  return [
    `DELETE FROM password_link WHERE user_id = ${idOfUser(email)};`,
    `INSERT INTO password_link (digest, user_id, kind, by, created_at, ends_at)`,
    `SELECT ${stored}, "id", ${what}, ${who}, ${at}, ${at + LINK_HOURS[kind] * 3_600_000} FROM "user" WHERE "id" = ${idOfUser(email)};`,
  ].join("\n");
}

/** SQL: gives people who have just been added a link each. */
export function addInvitations(
  links: readonly { userId: string; digest: string }[],
  by: string,
  at: number,
): string {
  const ends = at + LINK_HOURS.invitation * 3_600_000;
  const chunks = Array.from({ length: Math.ceil(links.length / 100) }, (_, index) =>
    links.slice(index * 100, (index + 1) * 100),
  );
  return chunks
    .map((chunk) => {
      const rows = chunk.map(
        ({ userId, digest }) =>
          `(${quoteText(digest)}, ${quoteText(userId)}, 'invitation', ${quoteText(by)}, ${at}, ${ends})`,
      );
      return `INSERT INTO password_link (digest, user_id, kind, by, created_at, ends_at) VALUES\n${rows.join(",\n")};`;
    })
    .join("\n");
}

/** SQL: notes for the trail that a person got a link for another password. */
export function noteLink(email: string): string {
  const change = `json_object('change', 'password_link', 'oldRole', "role", 'newRole', "role")`;
  return [
    `INSERT INTO admin_request (kind, user_id, detail, by, at)`,
    `SELECT 'person_change', "id", ${change}, 'database', unixepoch() * 1000 FROM "user" WHERE "id" = ${idOfUser(email)};`,
  ].join("\n");
}

/** SQL: whether a person has a password. */
export function readHasPassword(email: string): string {
  return `SELECT count(*) AS total FROM "account" WHERE "providerId" = 'credential' AND "password" IS NOT NULL AND "userId" = ${idOfUser(email)};`;
}
