import { looksLikeTicket } from "../../../shared/connections/file-ticket.ts";
import { toBase64Url } from "../../../shared/encoding/base64.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";

/** Milliseconds for which a ticket is valid. */
const VALID_MS = 15 * 60_000;

/** Tickets of one person that wait at the same time, and those that were used and are not removed yet with them. */
const MOST_WAITING = 20;
const MOST_VALID = 200;

/** Most bytes of one file: a request to a Worker has no more on most plans. */
export const MOST_OF_FILE = 100_000_000;

/** A file of a ticket. */
export interface TicketFile {
  id: string;
  connection: string;
  userId: string;
  /** Name without folders and control characters. */
  name: string;
  mediaType: string;
  bytes: number;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** To the connected system, or from it. */
export type Direction = "in" | "out";

const COLUMNS =
  "id, connection, user_id AS userId, name, media_type AS mediaType, bytes, expires_at AS expiresAt";

/** Where the contents of a file are in R2. */
export function keyOfFile(id: string): string {
  return `files/${id}`;
}

/** Whose file it is, and which. */
type NewFile = Pick<TicketFile, "connection" | "userId" | "name" | "mediaType">;

/**
 * Notes a file before its contents are stored: what is noted is removed when its time is over, whatever happens in
 * between. `null` if the person has too many.
 */
export async function noteFile(
  database: D1Database,
  direction: Direction,
  { connection, userId, name, mediaType }: NewFile,
  now = Date.now(),
): Promise<TicketFile | null> {
  const state = direction === "in" ? "open" : "storing";
  return await database
    .prepare(
      `INSERT INTO file_ticket (id, digest, user_id, connection, direction, state, name, media_type, bytes, expires_at)
       SELECT ?1, NULL, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8
        WHERE (SELECT count(*) FROM file_ticket WHERE user_id = ?2 AND expires_at > ?9) < ${MOST_VALID}
          AND (SELECT count(*) FROM file_ticket WHERE user_id = ?2 AND expires_at > ?9 AND state <> 'used') < ${MOST_WAITING}
       RETURNING ${COLUMNS}`,
    )
    .bind(
      crypto.randomUUID(),
      userId,
      connection,
      direction,
      state,
      cleanName(name),
      cleanMedia(mediaType),
      now + VALID_MS,
      now,
    )
    .first<TicketFile>();
}

/** Gives out the ticket of a file: 256 bits of chance, of which the digest alone is stored. */
export async function giveTicket(database: D1Database, id: string): Promise<string> {
  const ticket = `file_${toBase64Url(crypto.getRandomValues(new Uint8Array(32)))}`;
  await database
    .prepare("UPDATE file_ticket SET digest = ? WHERE id = ? AND digest IS NULL")
    .bind(digestText(ticket), id)
    .run();
  return ticket;
}

/** The valid file of a ticket in one of its states; `null` for every other, without saying why. */
export async function findFile(
  database: D1Database,
  ticket: string,
  direction: Direction,
  state: "open" | "stored",
): Promise<TicketFile | null> {
  if (!looksLikeTicket(ticket)) return null;
  return await database
    .prepare(
      `SELECT ${COLUMNS} FROM file_ticket WHERE digest = ? AND direction = ? AND state = ? AND expires_at > ?`,
    )
    .bind(digestText(ticket), direction, state, Date.now())
    .first<TicketFile>();
}

/** Moves a file from one state to the next. Whether it was this caller who did: a ticket works once. */
export async function moveFile(
  database: D1Database,
  id: string,
  from: "open" | "storing" | "stored" | "used",
  to: "storing" | "stored" | "used",
  bytes?: number,
): Promise<boolean> {
  const moved = await database
    .prepare(
      "UPDATE file_ticket SET state = ?2, bytes = ifnull(?3, bytes) WHERE id = ?1 AND state = ?4 RETURNING 1",
    )
    .bind(id, to, bytes ?? null, from)
    .first();
  return moved !== null;
}

/** Keeps a file that waits until a time, in milliseconds since the epoch: a person may decide until then. */
export async function keepFile(database: D1Database, id: string, until: number): Promise<void> {
  await database
    .prepare("UPDATE file_ticket SET expires_at = max(expires_at, ?2) WHERE id = ?1 AND state = 'stored'")
    .bind(id, until)
    .run();
}

/** A file name as a part of a header and of an address: no folder, no control or direction characters. */
export function cleanName(name: string): string {
  const last = name.normalize("NFC").split(/[/\\]/).at(-1) ?? "";
  const clean = last
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"<>|:*?]/gu, "")
    .replace(/^[.\s]+/, "")
    .trim();
  return [...clean].slice(0, 100).join("") || "file";
}

/** A media type for people and for the request to a connected system; never how a browser is told to show a file. */
function cleanMedia(media: string): string {
  const [plain = ""] = media.split(";");
  return /^[a-z]+\/[a-z0-9.+-]{1,80}$/i.test(plain.trim())
    ? plain.trim().toLowerCase()
    : "application/octet-stream";
}
