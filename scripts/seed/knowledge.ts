import path from "node:path";
import { makeSlug } from "../../workers/knowledge/markdown/make-slug.ts";
import type { ImportCounts } from "../knowledge/destination.ts";
import { importFolder } from "../knowledge/import-folder.ts";
import { openLocalDestination } from "../knowledge/local-destination.ts";
import { findDocumentedPackages } from "../knowledge/package-documentation.ts";

const ARTICLES = path.join(import.meta.dirname, "articles");
const NODE_MODULES = path.resolve(import.meta.dirname, "../../node_modules");
const AUTHOR = { id: "demonstration", name: "Demonstration data" };

/**
 * Loads the demonstration knowledge base: a company handbook written for it, and the documentation of
 * installed packages under a licence that allows copies, one collection per package. The metadata of each
 * such article has package, version, licence and copyright. `asOf` dates every article. Pictures and
 * recordings of the handbook need `media`. A second load changes nothing.
 */
export async function seedKnowledge(
  db: D1Database,
  options: { asOf: Date; report: (line: string) => void; media?: R2Bucket | undefined },
): Promise<void> {
  const home = { db, author: AUTHOR, now: options.asOf, bucket: options.media };
  const onSkip = (file: string, reason: string) => options.report(`left out ${file}: ${reason}`);
  const collection = {
    slug: "handbook",
    title: "Company handbook",
    description: "How we work: policies, processes and whom to ask.",
  };
  const destination = await openLocalDestination({ ...home, collection });
  const handbook = await importFolder(destination, { folder: ARTICLES, onSkip });
  options.report(`handbook: ${countArticles(handbook)} articles`);
  for (const source of await findDocumentedPackages(NODE_MODULES)) {
    const { name, version, licence, copyright, folder } = source;
    const collection = {
      slug: makeSlug(name),
      title: `${name} documentation`,
      description: `Documentation that ships with ${name}, licence ${licence}.`,
    };
    const metadata = { source_package: name, source_version: version, licence, copyright };
    const destination = await openLocalDestination({ ...home, collection });
    const counts = await importFolder(destination, { folder, metadata, onSkip });
    options.report(`${name} ${version} (${licence}): ${countArticles(counts)} articles`);
  }
}

function countArticles({ created, updated, unchanged, edited }: ImportCounts): number {
  return created + updated + unchanged + edited;
}
