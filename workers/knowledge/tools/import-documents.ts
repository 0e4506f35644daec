import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { ToolContext } from "../../../shared/server/define.ts";
import { defineLongTool } from "../../../shared/server/task-workflow.ts";
import {
  bodyField,
  collectionField,
  dropControls,
  isPlainText,
  MAX_BODY_BYTES,
  newReadersField,
  readersOf,
  tagsField,
  titleField,
} from "../article-limits.ts";
import type { ImportedDocument, PieceOutcome } from "../ingest.ts";
import { nameDocument } from "../markdown/name-document.ts";
import type { KnowledgeStore } from "../store.ts";

/** Maximum documents per call. */
export const MAX_DOCUMENTS = 500;
/** Maximum length of a path, in characters. */
const MAX_PATH_LENGTH = 400;

/** Documents per step: some seconds of writing and splitting into passages. */
const DOCUMENTS_A_STEP = 25;
const CHARACTERS_A_STEP = MAX_BODY_BYTES;

/** Reasons for outcomes that skip a document. */
const REASONS: Partial<Record<PieceOutcome, string>> = {
  edited: "People changed its article since the last import; overwrite: true replaces it.",
  duplicate: "Another document of the collection has the same text.",
  conflict: "Its article was written at the same moment; send it again.",
};

/** Documents are validated one by one later; here they only have to be texts. */
const documentShape = z.object({
  path: z.string().max(MAX_PATH_LENGTH).describe("Its identity across imports, such as guides/setup.md."),
  title: z.string().optional().describe("Default: its top heading, else its path."),
  body: z.string().describe("Markdown."),
  tags: z.array(z.string()).optional(),
});

const answerShape = z.object({
  collection: z.string(),
  created: z.int(),
  updated: z.int(),
  unchanged: z.int(),
  left_alone: z.array(z.object({ path: z.string(), reason: z.string() })),
  cleaned: z
    .array(z.object({ path: z.string(), dropped: z.int() }))
    .optional()
    .describe("Where control characters were dropped"),
});

type Input = { documents: z.output<typeof documentShape>[]; overwrite: boolean };
type Tally = Omit<z.output<typeof answerShape>, "collection" | "cleaned"> & {
  cleaned: { path: string; dropped: number }[];
};

/** `knowledge_import_documents`: imports documents under their paths, so that they can be imported again. */
export const importDocuments = defineLongTool({
  name: "knowledge_import_documents",
  title: "Import documents",
  description: `Takes in up to ${MAX_DOCUMENTS} Markdown documents: a new path becomes an article, a changed text its next version, an equal one nothing. After a failure repeat the call.`,
  effect: "update",
  idempotent: true,
  costly: true,
  scope: "knowledge:write",
  input: z.object({
    collection: collectionField.optional().describe("Its slug."),
    new_collection_title: titleField
      .optional()
      .describe("Creates the collection under this title when it is new, for your own role."),
    new_collection_readers: newReadersField,
    documents: z.array(documentShape).max(MAX_DOCUMENTS).describe("None only creates the collection."),
    overwrite: z.boolean().default(false).describe("Also where people changed an article since."),
  }),
  inherits: ["collection"],
  output: answerShape,
  overflow: "left_alone",
  timeoutMs: 60_000,
  async check(
    { collection, new_collection_title: title },
    { store }: Pick<ToolContext<KnowledgeStore>, "store">,
  ) {
    requireCollection(collection);
    if (title === undefined) await store.collections.requireWritable(collection);
  },
  work: {
    tasks: "optional",
    async begin(input, { store, now }: ToolContext<KnowledgeStore>) {
      const { collection, new_collection_title: newTitle } = input;
      requireCollection(collection);
      if (newTitle !== undefined) {
        const readers = readersOf(input.new_collection_readers);
        await store.collections.ensure({ slug: collection, title: newTitle, readers }, now);
      }
      const tally = { created: 0, updated: 0, unchanged: 0, left_alone: [], cleaned: [] };
      // The call itself runs the first piece: it fails there without write access, and finishes small
      // imports.
      return takeIn({ collection, from: 0, tally }, input, store, now);
    },
    // Safe to repeat: documents already imported are unchanged the second time.
    step: (state: { collection: string; from: number; tally: Tally }, input, { store, now }) =>
      takeIn(state, input, store, now),
    async stop({ from }, { documents }) {
      return `At least ${from} of ${documents.length} documents were taken in and stay; the call repeated takes the others.`;
    },
  },
});

function requireCollection(collection: string | undefined): asserts collection is string {
  if (collection !== undefined) return;
  throw new ToolError("invalid_input", "Name the collection that the documents belong to.", {
    suggestedAction: "Choose one from knowledge_list_collections and pass its slug as collection.",
  });
}

/** Imports the next piece. */
async function takeIn(
  { collection, from, tally }: { collection: string; from: number; tally: Tally },
  input: Input,
  store: KnowledgeStore,
  now: Date,
) {
  const end = findEnd(input, from);
  const documents: ImportedDocument[] = [];
  const refused: Tally["left_alone"] = [];
  const cleaned: Tally["cleaned"] = [];
  for (let index = from; index < end; index += 1) {
    const { read, dropped } = readDocument(input, index);
    if ("reason" in read) refused.push(read);
    else {
      documents.push(read);
      if (dropped > 0) cleaned.push({ path: read.path, dropped });
    }
  }
  const outcomes = await store.importDocuments(collection, documents, { overwrite: input.overwrite, now });
  const count = (outcome: PieceOutcome) => outcomes.filter((other) => other === outcome).length;
  const left = documents.flatMap(({ path }, index) => {
    const reason = REASONS[outcomes[index] ?? "conflict"];
    return reason === undefined ? [] : [{ path, reason }];
  });
  const sum = {
    created: tally.created + count("created"),
    updated: tally.updated + count("updated"),
    unchanged: tally.unchanged + count("unchanged"),
    left_alone: [...tally.left_alone, ...refused, ...left],
    cleaned: [...tally.cleaned, ...cleaned],
  };
  if (end >= input.documents.length) {
    const { cleaned: dropped, ...counts } = sum;
    return { answer: { collection, ...counts, ...(dropped.length > 0 && { cleaned: dropped }) } };
  }
  return {
    state: { collection, from: end, tally: sum },
    ...{ done: end, total: input.documents.length, message: "documents" },
  };
}

/**
 * End of the piece that begins at `from`: at least one document, and at most as many as a step may process.
 */
function findEnd({ documents }: Pick<Input, "documents">, from: number): number {
  let characters = 0;
  let end = from;
  while (end < documents.length && end - from < DOCUMENTS_A_STEP) {
    characters += documents[end]?.body.length ?? 0;
    if (characters > CHARACTERS_A_STEP && end > from) break;
    end += 1;
  }
  return end;
}

/** Validates a document by the rules of articles; an invalid document does not stop the others. */
function readDocument(
  { documents }: Input,
  index: number,
): { read: ImportedDocument | { path: string; reason: string }; dropped: number } {
  const given = documents[index] as Input["documents"][number];
  const path = normalisePath(given.path);
  const { text, dropped } = dropControls(given.body);
  const refuse = (reason: string) => ({ read: { path: given.path, reason }, dropped });
  if (path === "" || !isPlainText(path) || /[\t\r\n]/.test(path)) {
    return refuse("A path is one line of plain text, such as guides/setup.md.");
  }
  if (documents.findIndex((other) => normalisePath(other.path) === path) < index) {
    return refuse("The path was given more than once; the first document counts.");
  }
  const body = bodyField.safeParse(text);
  const tags = tagsField.safeParse(given.tags ?? []);
  const title = nameDocument(path, body.data ?? "", given.title?.trim());
  const problem = [body, tags].find(({ success }) => !success)?.error?.issues[0]?.message;
  if (!body.success || !tags.success) return refuse(problem ?? "It cannot be an article.");
  if (title === "") return refuse("No title can be made of it: add one.");
  return { read: { path, title, body: body.data, tags: tags.data, metadata: { path } }, dropped };
}

/** Normalises `./a.md` and `/a.md` to `a.md`. */
function normalisePath(path: string): string {
  return path.trim().replace(/^(?:\.?\/)+/, "");
}
