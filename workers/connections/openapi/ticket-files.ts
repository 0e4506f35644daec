import { ToolError } from "../../../shared/call/tool-error.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { findFile, looksLikeTicket, moveFile, type TicketFile } from "../files/tickets.ts";
import type { StoredFile } from "./operation.ts";

/** The files of one call, by ticket. */
export interface ClaimedFiles {
  files: ReadonlyMap<string, StoredFile>;
  /** The call did nothing yet and comes back: its tickets count again. */
  release(): Promise<void>;
}

/**
 * The files that tickets among the arguments stand for. Each is used up here, by its person's call at the connection
 * that it is for. Throws `not_found` for every other ticket.
 */
export async function claimFiles(
  database: D1Database,
  { connection, userId }: Pick<TicketFile, "connection" | "userId">,
  operation: HttpOperation,
  input: Readonly<Record<string, JsonValue | undefined>>,
): Promise<ClaimedFiles> {
  const tickets = operation.arguments.flatMap(({ name, file }) => {
    const value = file === true ? input[name] : undefined;
    return typeof value === "string" && looksLikeTicket(value) ? [{ name, ticket: value }] : [];
  });
  const files = new Map<string, StoredFile>();
  for (const { name, ticket } of tickets) {
    if (files.has(ticket)) continue;
    const found = await findFile(database, ticket, "in", "stored");
    const isOwn = found !== null && found.userId === userId && found.connection === connection;
    if (!isOwn || !(await moveFile(database, found.id, "stored", "used")))
      throw new ToolError(
        "not_found",
        `${name}: there is no such file, its time is over, it was not sent yet, or it was used.`,
        { suggestedAction: `Call ${connection}_prepare_upload, send the file, and use the new ticket.` },
      );
    files.set(ticket, { id: found.id, name: found.name, bytes: found.bytes, media: found.mediaType });
  }
  return {
    files,
    async release() {
      for (const { id } of files.values()) await moveFile(database, id, "used", "stored");
    },
  };
}
