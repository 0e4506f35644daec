import { ToolError } from "../../../shared/call/tool-error.ts";
import type { OpensearchEntry } from "../../../shared/connections/kinds/opensearch.ts";
import { compileGlobs } from "../../../shared/policy/glob.ts";
import type { ReadLimits } from "../ask-connection.ts";
import { DocumentHandle } from "../documents/handle.ts";
import { maskDocument } from "../documents/mask-document.ts";
import { type FieldSight, isFieldHidden, namesOf } from "../documents/sight.ts";
import type { DocumentSource } from "../documents/source.ts";
import type { AskedSearch } from "../judge/opensearch/read-search.ts";
import type { SearchAnswer } from "./operation.ts";

/** Most sources of one search. */
const MOST_SOURCES = 50;

/** An OpenSearch connection, opened for one call: everything that it does goes through the rules of its caller. */
export class SearchHandle extends DocumentHandle<OpensearchEntry> {
  hides(source: DocumentSource, path: string): boolean {
    const fields = new Map(source.fields.map((field) => [field.path, field]));
    const field = fields.get(path);
    const names = namesOf([source]);
    return field === undefined
      ? this.sight.isHidden(names, path)
      : isFieldHidden(this.sight, names, field, fields);
  }

  /** Runs a search that the caller wrote, on sources of the catalogue. */
  async search(
    index: string,
    asked: AskedSearch,
    { rows, from }: { rows: number; from: number },
    limits: ReadLimits,
  ): Promise<SearchAnswer> {
    const sources = this.#chooseSources(index, await this.sources(limits));
    const { readSearch } = await import("../judge/opensearch/read-search.ts");
    const body = readSearch(asked, sources, this.sight);
    const { limits: most } = this.entry;
    const answer = (await this.read(
      "search",
      {
        indices: sources.map(({ name }) => name),
        body,
        rows: Math.min(rows, most.rows),
        from,
        bytes: most.bytes,
      },
      limits,
    )) as unknown as SearchAnswer;
    return this.#mask(answer, namesOf(sources));
  }

  #mask(answer: SearchAnswer, names: readonly string[]): SearchAnswer {
    if (!this.sight.hidesAny) return answer;
    const treatments = new Map<string, ReturnType<FieldSight["treatmentOf"]>>();
    const treatmentOf = (path: string) => {
      const known = treatments.get(path) ?? this.sight.treatmentOf(names, path);
      treatments.set(path, known);
      return known;
    };
    const hits = answer.hits.map((hit) => ({
      ...hit,
      id: String(maskDocument(hit.id, this.sight, treatmentOf, "_id") ?? ""),
      source: maskDocument(hit.source, this.sight, treatmentOf) as SearchAnswer["hits"][number]["source"],
    }));
    return { ...answer, hits };
  }

  /** Names with commas; `*` stands for any characters, of the names of the catalogue alone. */
  #chooseSources(index: string, catalogue: readonly DocumentSource[]): DocumentSource[] {
    const asked = index
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
    const chosen = new Set<DocumentSource>();
    for (const part of asked) {
      const fits = compileGlobs([part]);
      const found = catalogue.filter(({ name }) => fits(name) !== null);
      if (found.length === 0) throw this.unknownSource("index", part, catalogue);
      for (const source of found) chosen.add(source);
    }
    if (chosen.size > 0 && chosen.size <= MOST_SOURCES) return [...chosen];
    throw new ToolError(
      "invalid_input",
      `A search has 1 to ${MOST_SOURCES} indices; this one has ${chosen.size}.`,
      {
        suggestedAction: "Name fewer, or an alias of them.",
      },
    );
  }
}
