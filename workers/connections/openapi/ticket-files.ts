import type { PreviewedChange } from "../../../shared/call/proposal.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { looksLikeTicket } from "../../../shared/connections/file-ticket.ts";
import type { HttpOperation } from "../../../shared/connections/operations.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { findFile, keyOfFile, moveFile, type TicketFile } from "../files/tickets.ts";
import type { StoredFile } from "./operation.ts";

type Input = Readonly<Record<string, JsonValue | undefined>>;

/** A file that a ticket among the arguments stands for. */
export interface NamedFile extends TicketFile {
  /** The argument that has the ticket. */
  argument: string;
}

/** The files of one call, by ticket. */
export type CallFiles = ReadonlyMap<string, NamedFile>;

/**
 * The files that tickets among the arguments stand for: sent, not used, of this person, for this connection. Throws
 * `not_found` for every other ticket. Changes nothing.
 */
export async function findFiles(
  database: D1Database,
  { connection, userId }: Pick<TicketFile, "connection" | "userId">,
  operation: HttpOperation,
  input: Input,
): Promise<CallFiles> {
  const files = new Map<string, NamedFile>();
  for (const { name, file } of operation.arguments) {
    const ticket = file === true ? input[name] : undefined;
    if (typeof ticket !== "string" || !looksLikeTicket(ticket) || files.has(ticket)) continue;
    const found = await findFile(database, ticket, "in", "stored");
    if (found === null || found.userId !== userId || found.connection !== connection)
      throw refuseTicket(name, connection);
    files.set(ticket, { ...found, argument: name });
  }
  return files;
}

/** What a request sends of the files. */
export function asSent(files: CallFiles): ReadonlyMap<string, StoredFile> {
  return new Map(
    [...files].map(([ticket, { id, name, bytes, mediaType }]) => [
      ticket,
      { id, name, bytes, media: mediaType },
    ]),
  );
}

/** Uses up the tickets of a call, all or none. Throws `not_found` if another call was first. */
export async function useFiles(database: D1Database, files: CallFiles): Promise<void> {
  const used: NamedFile[] = [];
  for (const file of files.values()) {
    if (await moveFile(database, file.id, "stored", "used")) {
      used.push(file);
      continue;
    }
    await giveBackFiles(database, used);
    throw refuseTicket(file.argument, file.connection);
  }
}

/** The call sent nothing: its tickets count again. */
export async function giveBackFiles(database: D1Database, files: Iterable<NamedFile>): Promise<void> {
  for (const { id } of files) await moveFile(database, id, "used", "stored");
}

/** The files as an approver sees them: an approval is for these contents, and the ticket stays with its person. */
export async function describeFiles(bucket: R2Bucket, files: CallFiles): Promise<PreviewedChange[]> {
  return await Promise.all(
    [...files.values()].map(async ({ id, name, argument, connection }) => {
      const stored = await bucket.get(keyOfFile(id));
      if (stored === null) throw refuseTicket(argument, connection);
      const digest = new crypto.DigestStream("SHA-256");
      await stored.body.pipeTo(digest);
      const hex = [...new Uint8Array(await digest.digest)].map((one) => one.toString(16).padStart(2, "0"));
      return {
        record: { type: "file", id: argument, label: name },
        fields: [
          { name: "bytes", from: null, to: String(stored.size) },
          { name: "SHA-256", from: null, to: hex.join("") },
        ],
      };
    }),
  );
}

function refuseTicket(argument: string, connection: string): ToolError {
  return new ToolError(
    "not_found",
    `${argument}: there is no such file, its time is over, it was not sent yet, or it was used.`,
    { suggestedAction: `Call ${connection}_prepare_upload, send the file, and use the new ticket.` },
  );
}
