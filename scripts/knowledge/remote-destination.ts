import type { Client } from "@modelcontextprotocol/client";
import { MAX_DATA_LENGTH } from "../../workers/knowledge/media/media-fields.ts";
import type { NewCollection } from "../../workers/knowledge/store/collections.ts";
import { MAX_DOCUMENTS } from "../../workers/knowledge/tools/import-documents.ts";
import { CommandFailure } from "../local/failure.ts";
import type { ImportDestination } from "./destination.ts";

/** Characters of the texts per call: three bytes each at most, far below the 4 MiB of a message. */
const CHARACTERS_A_CALL = 500_000;
/** Documents per call: a call has one minute if the client does not run it as a task. */
const DOCUMENTS_A_CALL = Math.min(100, MAX_DOCUMENTS);
const CALL_TIMEOUT_MS = 90_000;

/** A collection of a Gatehouse and its connected client. */
export interface RemoteCollection {
  collection: NewCollection;
  overwrite: boolean;
  say(line: string): void;
}

/** Answer of `knowledge_import_documents`. */
interface Taken {
  created: number;
  updated: number;
  unchanged: number;
  left_alone: { path: string; reason: string }[];
}

/**
 * Imports over MCP, as the signed-in user: with their role and limits, and with audit records. Waits when a
 * limit requires it. Creates the collection; throws a {@link CommandFailure} when the user cannot write to
 * it.
 */
export async function openRemoteDestination(
  client: Client,
  { collection, overwrite, say }: RemoteCollection,
): Promise<ImportDestination> {
  const place = {
    collection: collection.slug,
    new_collection_title: collection.title,
    new_collection_readers: collection.readers === null ? ["*"] : (collection.readers ?? []),
  };
  const store: ImportDestination["store"] = async (documents) => {
    const sent = documents.map(({ path, title, body, tags }) => ({ path, title, body, tags }));
    const args = { ...place, overwrite, documents: sent };
    const answer = await call(client, "knowledge_import_documents", args, say);
    if ("refused" in answer) throw refuse(answer);
    const { created, updated, unchanged, left_alone: notes } = answer.data as unknown as Taken;
    const skipped = documents.length - created - updated - unchanged;
    return { counts: { created, updated, unchanged, skipped }, notes };
  };
  // Pictures are stored before the first document that includes them, so the collection must exist.
  await store([]);
  return {
    piece: { documents: DOCUMENTS_A_CALL, characters: CHARACTERS_A_CALL },
    store,
    async keepMedia({ title, bytes }) {
      const data = Buffer.from(bytes).toString("base64");
      if (data.length > MAX_DATA_LENGTH) {
        return { refused: "over 1 MiB, the most that can be sent to a Gatehouse elsewhere" };
      }
      const args = { collection: collection.slug, title, data };
      const answer = await call(client, "knowledge_save_media", args, say);
      return "refused" in answer ? { refused: answer.refused } : { url: String(answer.data.url) };
    },
  };
}

type Answer = { data: Record<string, unknown> } | { refused: string; advice: string };

/** Calls a tool; repeats a call over a limit after the required delay. */
async function call(
  client: Client,
  name: string,
  args: Record<string, unknown>,
  say: (line: string) => void,
): Promise<Answer> {
  for (;;) {
    const result = await client.callTool({ name, arguments: args }, { timeout: CALL_TIMEOUT_MS });
    const data = (result.structuredContent ?? {}) as Record<string, unknown>;
    if (result.isError !== true) return { data };
    const { code, message, retry_after: seconds, suggested_action: advice } = readError(result.content);
    if (code !== "rate_limited" || seconds === undefined) return { refused: message, advice };
    say(`  waiting ${seconds} s: ${message}`);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  }
}

interface ErrorText {
  code?: string;
  message: string;
  retry_after?: number;
  suggested_action: string;
}

/** The error of Gatehouse in a failed call, or its text if it has another form. */
function readError(content: unknown): ErrorText {
  const [first] = Array.isArray(content) ? (content as { text?: string }[]) : [];
  const text = first?.text ?? "The call failed.";
  try {
    const { error } = JSON.parse(text) as { error: Partial<ErrorText> };
    return { message: text, suggested_action: "", ...error };
  } catch {
    return { message: text, suggested_action: "" };
  }
}

function refuse({ refused, advice }: { refused: string; advice: string }): CommandFailure {
  return new CommandFailure(
    refused,
    advice || "The documents imported so far stay; run the command again to continue.",
  );
}
