import { listGaps } from "../../../workers/knowledge/store/feedback.ts";
import {
  listArticles,
  listVersions,
  readArticle,
  readSection,
} from "../../../workers/knowledge/store/read-articles.ts";
import { searchArticles, searchPassages } from "../../../workers/knowledge/store/search-passages.ts";

/** Input of a query: a judged question, and a section of the collection. */
export interface Sample {
  text: string;
  slug: string;
  anchor: string;
  collectionId: number;
}

/** One kind of query to the knowledge base; runs once per sample. */
export interface Question {
  title: string;
  ask(db: D1Database, sample: Sample): Promise<unknown>;
}

/** Maximum results of a search, and the depth at which the ranking is judged. */
const LIMIT = 20;
const NOW = new Date("2026-03-01T12:00:00Z");
const everywhere = { hidden: [] };

/** Queries of people and models, in full text alone. */
export const QUESTIONS: readonly Question[] = [
  {
    title: "search for articles",
    ask: (db, { text }) => searchArticles(db, { question: text, limit: LIMIT }, everywhere),
  },
  {
    title: "search for passages",
    ask: (db, { text }) => searchPassages(db, { question: text, limit: LIMIT }, everywhere),
  },
  {
    title: "search in one collection",
    ask: (db, { text, collectionId }) =>
      searchArticles(db, { question: text, limit: LIMIT }, { hidden: [], only: collectionId }),
  },
  {
    title: "two words in quotes",
    ask: (db, { text }) => searchPassages(db, { question: quotePair(text), limit: LIMIT }, everywhere),
  },
  {
    title: "beginning of a word",
    ask: (db, { text }) => searchPassages(db, { question: beginLongest(text), limit: LIMIT }, everywhere),
  },
  { title: "article", ask: (db, { slug }) => readArticle(db, slug) },
  { title: "section of an article", ask: (db, { slug, anchor }) => readSection(db, slug, anchor) },
  { title: "versions of an article", ask: (db, { slug }) => listVersions(db, slug, { limit: LIMIT }) },
  {
    title: "articles, newest change first",
    ask: (db) => listArticles(db, { limit: LIMIT, ...everywhere }),
  },
  {
    title: "articles of a collection",
    ask: (db, { collectionId }) => listArticles(db, { limit: LIMIT, collectionId, ...everywhere }),
  },
  { title: "gaps that people named", ask: (db) => listGaps(db, { limit: LIMIT, now: NOW, ...everywhere }) },
];

function splitWords(text: string): string[] {
  return text.match(/[\p{L}\p{N}]+/gu) ?? [text];
}

/** The last two words, as a phrase. */
function quotePair(text: string): string {
  return `"${splitWords(text).slice(-2).join(" ")}"`;
}

/** The first five letters of the longest word. */
function beginLongest(text: string): string {
  const [longest = ""] = splitWords(text).sort((a, b) => b.length - a.length);
  return `${longest.slice(0, 5)}*`;
}
