import type { JsonValue } from "../../../shared/encoding/json.ts";

/** Author of a write. Stored with every version. */
export interface Author {
  id: string;
  name: string;
}

/** Metadata of an article: source package, licence, path. Flat and small. */
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
  /** Owner; `null` if it has none. */
  owner: string | null;
  /** Day of the next review, ISO 8601. */
  reviewOn: string | null;
  body: string;
  metadata: Metadata;
  createdAt: string;
  createdBy: string;
  /** The newest version; equal to `version` unless an older one was requested. */
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

/** A collection with its number of articles. */
export interface Collection {
  slug: string;
  title: string;
  description: string;
  articles: number;
}

/** A passage that answers a query. `score` grows with relevance and is comparable within one answer only. */
export interface PassageHit {
  slug: string;
  title: string;
  collection: string;
  heading: string;
  anchor: string;
  snippet: string;
  owner: string | null;
  /** Day of its article's next review. */
  reviewOn: string | null;
  score: number;
}

/** The citation of an article, or of one heading in it. */
export function articleUri(slug: string, anchor = ""): string {
  return `kb://articles/${slug}${anchor === "" ? "" : `#${encodeURIComponent(anchor)}`}`;
}

/** Parses a stored JSON list of strings. */
export function parseTags(json: string): string[] {
  const value: unknown = JSON.parse(json);
  return Array.isArray(value) ? value.filter((tag): tag is string => typeof tag === "string") : [];
}

/** Parses a stored JSON object. */
export function parseMetadata(json: string): Metadata {
  const value: unknown = JSON.parse(json);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Metadata) : {};
}
