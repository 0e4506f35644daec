import { readFile } from "node:fs/promises";
import path from "node:path";
import { CommandFailure } from "../../local/failure.ts";
import { seedKnowledge } from "../../seed/knowledge.ts";
import type { JudgedSet } from "./judged-set.ts";

const QUESTIONS = path.join(import.meta.dirname, "../documentation/questions.tsv");

interface ImportedArticle {
  slug: string;
  key: string;
  anchors: string;
}

/**
 * Imports the same documents as `npm start` and reads the queries about them (see documentation/README.md for
 * the format). Throws a {@link CommandFailure} that names every judged article and section that was not
 * imported.
 */
export async function loadDocumentation(db: D1Database): Promise<JudgedSet> {
  await seedKnowledge(db, { asOf: new Date(), report: () => {} });
  const { results } = await db
    .prepare(
      `SELECT a.slug, c.slug || '/' || a.source_path AS key,
        (SELECT json_group_array(p.anchor) FROM passages p WHERE p.article_id = a.id) AS anchors
      FROM articles a JOIN collections c ON c.id = a.collection_id`,
    )
    .all<ImportedArticle>();
  const known = new Map(results.map(({ key, anchors }) => [key, new Set(JSON.parse(anchors) as string[])]));
  const unknown: string[] = [];
  const questions = (await readFile(QUESTIONS, "utf8"))
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => {
      const [text = "", judgements = ""] = line.split("\t");
      const articles = new Map<string, number>();
      const sections = new Map<string, number>();
      for (const judgement of judgements.split(" ")) {
        const [, place = "", key = "", anchor, grade = ""] =
          /^((.+?)(?:#(.+))?)=([123])$/.exec(judgement) ?? [];
        const anchors = known.get(key);
        if (anchors === undefined || (anchor !== undefined && !anchors.has(anchor))) unknown.push(judgement);
        articles.set(key, Math.max(articles.get(key) ?? 0, Number(grade)));
        if (anchor !== undefined) sections.set(place, Number(grade));
      }
      return { text, articles, sections };
    });
  if (unknown.length > 0) {
    throw new CommandFailure(
      "Judged articles or sections do not exist.",
      `Correct scripts/bench/documentation/questions.tsv:\n  ${unknown.join("\n  ")}`,
    );
  }
  const keys = new Map(results.map(({ slug, key }) => [slug, key]));
  return {
    title: `documentation: ${results.length} articles`,
    questions,
    keyOf: (slug) => keys.get(slug) ?? slug,
  };
}
