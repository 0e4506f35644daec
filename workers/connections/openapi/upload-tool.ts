import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { OpenapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import type { ToolDefinition } from "../../../shared/server/define.ts";
import { giveTicket, MOST_OF_FILE, noteFile } from "../files/tickets.ts";
import type { HttpHandle } from "./handle.ts";

const input = z.object({
  name: z.string().min(1).max(200).describe("Name of the file, such as offer.pdf"),
  media_type: z.string().max(100).default("application/octet-stream").describe("Such as application/pdf"),
});

const output = z.object({
  ticket: z.string().describe("Give it as the file of the tool that takes one"),
  uri: z.string().describe("Send the file there, as the body of a PUT request"),
  expires_at: z.string(),
  most_bytes: z.int(),
});

/** Name of the tool that prepares the upload of a file to a connection. */
export function uploadToolName(connection: string): string {
  return `${connection}_prepare_upload`;
}

/** The tool by which a file reaches a connection without passing the model. It changes nothing at the other system. */
export function uploadTool(
  connection: string,
  entry: OpenapiEntry,
): ToolDefinition<z.ZodObject, z.ZodObject, HttpHandle> {
  const tool: ToolDefinition<typeof input, typeof output, HttpHandle> = {
    name: uploadToolName(connection),
    title: "Prepare an upload",
    description: `Gives a ticket for one file, which you or the person sends with PUT to its address; then call the tool of ${entry.title} that takes the file, with the ticket. Not needed for files of a few kilobytes, which may be Base64.`,
    effect: "create",
    scope: `${connection}:write`,
    reads: [],
    sends: "nothing",
    openWorld: false,
    input,
    output,
    async run({ name, media_type }, { store }) {
      const { env, principal } = store.place;
      const noted = { connection, userId: principal.userId, name, mediaType: media_type };
      const file = await noteFile(env.PLATFORM_DB, "in", noted);
      if (file === null)
        throw new ToolError("rate_limited", "The person has too many open tickets.", { retryAfter: 900 });
      const ticket = await giveTicket(env.PLATFORM_DB, file.id);
      const expires_at = new Date(file.expiresAt).toISOString();
      return { ticket, uri: `${env.PUBLIC_URL}/files/${ticket}`, expires_at, most_bytes: MOST_OF_FILE };
    },
  };
  return tool as unknown as ToolDefinition<z.ZodObject, z.ZodObject, HttpHandle>;
}
