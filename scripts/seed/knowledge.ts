import path from "node:path";
import { makeSlug } from "../../workers/knowledge/markdown/make-slug.ts";
import { type ImportCounts, importFolder } from "../knowledge/import-folder.ts";
import { findDocumentedPackages } from "../knowledge/package-documentation.ts";

const ARTICLES = path.join(import.meta.dirname, "articles");
const NODE_MODULES = path.resolve(import.meta.dirname, "../../node_modules");
const AUTHOR = { id: "demonstration", name: "Demonstration data" };

/**
 * Loads the demonstration knowledge base: a company handbook written for it, and the documentation that installed
 * packages ship under a licence that allows copies, one collection a package. Each of those articles carries
 * package, version, licence and copyright in its metadata. `asOf` dates every article. Pictures and recordings
 * of the handbook need `media`. Loading twice changes nothing.
 */
export async function seedKnowledge(
  db: D1Database,
  options: { asOf: Date; report: (line: string) => void; media?: R2Bucket | undefined },
): Promise<void> {
  const common = {
    author: AUTHOR,
    now: options.asOf,
    bucket: options.media,
    onSkip: (file: string, reason: string) => options.report(`left out ${file}: ${reason}`),
  };
  const handbook = await importFolder(db, {
    ...common,
    folder: ARTICLES,
    collection: {
      slug: "handbook",
      title: "Company handbook",
      description: "How we work: policies, processes and whom to ask.",
    },
  });
  options.report(`handbook: ${countArticles(handbook)} articles`);
  for (const source of await findDocumentedPackages(NODE_MODULES)) {
    const { name, version, licence, copyright, folder } = source;
    const counts = await importFolder(db, {
      ...common,
      folder,
      collection: {
        slug: makeSlug(name),
        title: `${name} documentation`,
        description: `Documentation that ships with ${name}, licence ${licence}.`,
      },
      metadata: { source_package: name, source_version: version, licence, copyright },
    });
    options.report(`${name} ${version} (${licence}): ${countArticles(counts)} articles`);
  }
}

function countArticles({ created, updated, unchanged, edited }: ImportCounts): number {
  return created + updated + unchanged + edited;
}
