import { z } from "zod";
import { ToolError } from "../../../shared/call/tool-error.ts";
import { defineTool, type ToolContext, type ToolDefinition } from "../../../shared/server/define.ts";
import { findNearMisses } from "../../../shared/text/near-misses.ts";
import type { CatalogueLimits } from "../ask-connection.ts";
import type { DocumentSource } from "./source.ts";

/** Fields of one source that are shown. */
const MOST_FIELDS = 300;

/** What the tool needs of a connection. */
export interface DocumentStore {
  catalogue(call: CatalogueLimits): Promise<readonly DocumentSource[]>;
  /** Whether the caller's role may not use a field. */
  hides(source: DocumentSource, path: string): boolean;
}

/** The tool that finds sources and fields: by words, or one source with all fields. */
export function searchObjects(
  name: string,
  { title, description }: { title: string; description: string },
  { noun, plural, next }: { noun: string; plural: string; next: string },
): ToolDefinition {
  return defineTool({
    name: `${name}_search_objects`,
    title: `Find ${plural} of ${title}`,
    effect: "read",
    scope: `${name}:read`,
    openWorld: true,
    description: `Finds ${plural} and fields of ${title} (${description.replace(/\.$/, "")}) by words, or shows one ${noun} with its fields. Call it before ${name}_${next}.`,
    input: z.object({
      words: z.string().max(200).optional().describe(`Words in names. Without: every ${noun}`),
      [noun]: z.string().max(200).optional().describe("To see all of its fields"),
    }),
    output: z.object({
      [plural]: z.array(
        z.object({
          name: z.string(),
          kind: z.string(),
          documents: z.number().optional().describe("Estimate"),
          fields: z.array(z.string()).optional().describe("path type, then what is special"),
        }),
      ),
    }),
    overflow: plural as never,
    async run(input: Record<string, unknown>, context: ToolContext<DocumentStore>) {
      const { store } = context;
      const sources = await store.catalogue(context);
      const asked = input[noun];
      if (typeof asked !== "string") {
        const words = typeof input.words === "string" ? input.words : "";
        return { [plural]: findSources(sources, words, store) };
      }
      const found = sources.find((source) => source.name === asked);
      if (found !== undefined) return { [plural]: [describeSource(found, store)] };
      const near = findNearMisses(
        asked,
        sources.map((source) => source.name),
      );
      const hint = near.length > 0 ? ` Did you mean ${near.join(" or ")}?` : "";
      throw new ToolError("not_found", `There is no ${noun} "${asked}".${hint}`, {
        suggestedAction: `Call the tool without \`${noun}\` to list all ${plural}.`,
      });
    },
  } as unknown as Parameters<typeof defineTool>[0]) as unknown as ToolDefinition;
}

function findSources(sources: readonly DocumentSource[], words: string, store: DocumentStore) {
  const wanted = words
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== "");
  if (wanted.length === 0) return sources.map(nameSource);
  const found = sources.map((source) => {
    const fields = source.fields.filter(({ path }) => holdsOne(path, wanted));
    const text = `${source.name} ${fields.map(({ path }) => path).join(" ")}`.toLowerCase();
    const isWhole = wanted.every((word) => text.includes(word));
    return { source, fields, isWhole, isNamed: holdsOne(source.name, wanted) };
  });
  return found
    .filter(({ isWhole }) => isWhole)
    .sort((one, other) => Number(other.isNamed) - Number(one.isNamed))
    .map(({ source, fields, isNamed }) =>
      isNamed ? describeSource(source, store) : describeSource({ ...source, fields }, store),
    );
}

function holdsOne(name: string, words: readonly string[]): boolean {
  return words.some((word) => name.toLowerCase().includes(word));
}

function nameSource({ name, kind, documents }: DocumentSource) {
  return { name, kind, ...(documents !== null && { documents }) };
}

function describeSource(source: DocumentSource, store: DocumentStore) {
  const shown = source.fields.slice(0, MOST_FIELDS).map(({ path, type }) => {
    const note = store.hides(source, path) ? ", not for your role" : "";
    return `${path} ${type}${note}`;
  });
  const more = source.fields.length - shown.length;
  const rest = more > 0 ? [`… ${more} more: find them by words`] : [];
  return { ...nameSource(source), fields: [...shown, ...rest] };
}
