import type { JsonValue } from "../../../shared/encoding/json.ts";

/** Who writes. Stored with every version. */
export interface Author {
  id: string;
  name: string;
}

/** Facts about an article that are not its text: source package, licence, path. Flat and small. */
export type Metadata = Record<string, JsonValue>;

/** An article without its text. Times are ISO 8601 in UTC. */
export interface ArticleSummary {
  slug: string;
  title: string;
  collection: string;
  tags: string[];
  version: number;
  updatedAt: string;
  updatedBy: string;
}

/** An article at one version. */
export interface Article extends ArticleSummary {
  id: number;
  collectionId: number;
  /** Who answers for it; `null` when nobody was named. */
  owner: string | null;
  /** Day by which it is to be looked at again, ISO 8601. */
  reviewOn: string | null;
  body: string;
  metadata: Metadata;
  createdAt: string;
  createdBy: string;
  /** The newest version there is; equal to `version` unless an older one was asked for. */
  currentVersion: number;
}

/** One entry of an article's history. */
export interface ArticleVersion {
  version: number;
  title: string;
  changeNote: string;
  authorName: string;
  createdAt: string;
  characters: number;
}

/** A collection with how many articles it holds. */
export interface Collection {
  slug: string;
  title: string;
  description: string;
  articles: number;
}

/** A place in an article that answers a question. `score` grows with relevance and compares within one answer only. */
export interface PassageHit {
  slug: string;
  title: string;
  collection: string;
  heading: string;
  anchor: string;
  snippet: string;
  score: number;
}

/** The citation of an article, or of one heading in it. */
export function articleUri(slug: string, anchor = ""): string {
  return `kb://articles/${slug}${anchor === "" ? "" : `#${encodeURIComponent(anchor)}`}`;
}

/** Reads a JSON list of strings as the database keeps it. */
export function parseTags(json: string): string[] {
  const value: unknown = JSON.parse(json);
  return Array.isArray(value) ? value.filter((tag): tag is string => typeof tag === "string") : [];
}

/** Reads a JSON object as the database keeps it. */
export function parseMetadata(json: string): Metadata {
  const value: unknown = JSON.parse(json);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Metadata) : {};
}
