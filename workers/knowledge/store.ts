import { waitUntil } from "cloudflare:workers";
import type { PrincipalIdentity } from "../../shared/call/principal.ts";
import { ToolError } from "../../shared/call/tool-error.ts";
import { type ImportedDocument, ingestPiece, type PieceOutcome } from "./ingest.ts";
import { type MediaBindings, MediaLibrary } from "./media/media-library.ts";
import { ADMIN_ROLE } from "./store/access.ts";
import { type Feedback, insertFeedback, listGaps } from "./store/feedback.ts";
import { listPublished, listReviewed } from "./store/happenings.ts";
import { suggestMedia } from "./store/media.ts";
import { OpenCollections } from "./store/open-collections.ts";
import {
  type ListRequest,
  listArticles,
  listVersions,
  readArticle,
  readSection,
  suggestAnchors,
  suggestSlugs,
} from "./store/read-articles.ts";
import { type Review, writeReview } from "./store/review.ts";
import type { Article, Author } from "./store/rows.ts";
import { type SearchRequest, searchArticles, searchPassages } from "./store/search-passages.ts";
import { isSame, staleVersion } from "./store/version-conflict.ts";
import { insertArticle, insertVersion, WriteConflict } from "./store/write-articles.ts";
import { openVectorSide, type VectorSide } from "./vectors/vector-side.ts";

/** Articles embedded per call of {@link KnowledgeStore.reindex}, and by each write. */
const REINDEX_BATCH = 20;
const EMBEDDED_PER_WRITE = 5;

/** A change to an article; undefined fields keep their value. */
export interface ArticleChange {
  expectedVersion: number;
  title?: string | undefined;
  body?: string | undefined;
  tags?: readonly string[] | undefined;
  changeNote: string;
}

/** A new article by a user or model. */
export interface ArticleDraft {
  collection: string;
  title: string;
  body: string;
  tags: readonly string[];
}

/** Feedback of a user on an answer; `slug` names the article, `collection` the place of a missing answer. */
export interface FeedbackNote extends Pick<Feedback, "verdict" | "question" | "comment"> {
  slug?: string | undefined;
  collection?: string | undefined;
}

/**
 * All data access of the knowledge base, for one call of one user. Collections that the user's role cannot
 * read do not exist for any method: not in lists and counts, not in searches, not by name.
 */
export class KnowledgeStore {
  readonly #db: D1Database;
  readonly #author: Author;
  readonly #vectors: VectorSide | undefined;
  /** The collections that the user's role can read or write. */
  readonly collections: OpenCollections;
  /** Pictures and recordings. */
  readonly media: MediaLibrary;

  constructor(
    db: D1Database,
    author: Author,
    role = ADMIN_ROLE,
    vectors?: VectorSide,
    bindings: MediaBindings = {},
  ) {
    this.#db = db;
    this.#author = author;
    this.#vectors = vectors;
    this.collections = new OpenCollections(db, author, role);
    this.media = new MediaLibrary(db, bindings, author, this.collections);
  }

  /** Articles for a query, best first. Throws for an unknown collection and names the existing ones. */
  async searchArticles(request: SearchRequest) {
    return searchArticles(this.#db, request, await this.#openScope(request.collection));
  }

  /** Passages for a query, best first. */
  async searchPassages(request: SearchRequest) {
    return searchPassages(this.#db, request, await this.#openScope(request.collection));
  }

  /** Articles without their text, latest change first. */
  async listArticles(
    request: Omit<ListRequest, "collectionId" | "hidden"> & { collection?: string | undefined },
  ) {
    const { only, hidden } = await this.collections.openScope(request.collection);
    return listArticles(this.#db, { ...request, collectionId: only, hidden });
  }

  /** Versions that were written after a time (ISO 8601), in the collections that the user can read; oldest first. */
  async listPublished(since: string, collection: string | undefined, limit: number) {
    const { only, hidden } = await this.collections.openScope(collection);
    return listPublished(this.#db, { since, hidden, collectionId: only, limit });
  }

  /** Articles that were reviewed after a time, likewise. */
  async listReviewed(since: string, collection: string | undefined, limit: number) {
    const { only, hidden } = await this.collections.openScope(collection);
    return listReviewed(this.#db, { since, hidden, collectionId: only, limit });
  }

  /** One article; `version` selects an older text. Throws `not_found`. */
  async readArticle(slug: string, version?: number): Promise<Article> {
    const access = await this.collections.readAccess();
    const article = await readArticle(this.#db, slug, version);
    if (article && access.canRead(article.collectionId)) return article;
    if (version !== undefined && (await this.#canReadNow(slug))) {
      throw new ToolError("not_found", `The article "${slug}" has no version ${version}.`, {
        suggestedAction: "Call knowledge_get_history for the versions there are.",
      });
    }
    throw new ToolError("not_found", `There is no article with the id "${slug}".`, {
      suggestedAction: "Find the article with search and use the id it returns.",
    });
  }

  /** One section of an article with its subsections. Throws `not_found`. */
  async readSection(slug: string, anchor: string) {
    await this.readArticle(slug);
    const section = await readSection(this.#db, slug, anchor);
    if (section) return section;
    throw new ToolError("not_found", `The article "${slug}" has no section "${anchor}".`, {
      suggestedAction: "Fetch the whole article by its id without the part after #.",
    });
  }

  /** An article's versions, newest first. Throws `not_found`. */
  async listVersions(slug: string, page: { limit: number; offset?: number | undefined }) {
    const { currentVersion } = await this.readArticle(slug);
    return { currentVersion, versions: await listVersions(this.#db, slug, page) };
  }

  /** Slugs that complete a typed text. */
  async suggestSlugs(typed: string) {
    return suggestSlugs(this.#db, typed, (await this.collections.readAccess()).hidden);
  }

  /** Slugs of pictures and recordings that complete a typed text. */
  async suggestMedia(typed: string) {
    return suggestMedia(this.#db, typed, (await this.collections.readAccess()).hidden);
  }

  /** Fragments of an article's headings that complete a typed text. */
  async suggestAnchors(slug: string, typed: string) {
    return (await this.#canReadNow(slug)) ? suggestAnchors(this.#db, slug, typed) : [];
  }

  /** Sets an article's owner and review date. The text and its version stay. */
  async reviewArticle(slug: string, review: Review, now: Date): Promise<Article> {
    const article = await this.requireUpdatable(slug);
    await writeReview(this.#db, article.id, review, this.#author.name, now);
    return this.readArticle(slug);
  }

  /** Stores a user's feedback on an article, or on a missing answer. */
  async giveFeedback({ slug, collection, ...note }: FeedbackNote, now: Date): Promise<void> {
    const article = slug === undefined ? undefined : await this.readArticle(slug);
    const collectionId = article?.collectionId ?? (await this.collections.find(collection));
    await insertFeedback(this.#db, { ...note, articleId: article?.id, collectionId }, this.#author, now);
  }

  /** Gaps of the knowledge base, in the collections that the user can read. */
  async listGaps(request: { collection?: string | undefined; limit: number }, now: Date) {
    const { only, hidden } = await this.collections.openScope(request.collection);
    return listGaps(this.#db, { collectionId: only, hidden, now, limit: request.limit });
  }

  /**
   * Creates an article. Throws `not_found` for the collection and `conflict` when the collection has that
   * title already.
   */
  async createArticle(draft: ArticleDraft, now: Date): Promise<Article> {
    const collectionId = await this.collections.requireWritable(draft.collection);
    try {
      const slug = await insertArticle(this.#db, { ...draft, collectionId }, this.#author, now);
      return await this.#articleChanged(slug);
    } catch (failure) {
      if (!(failure instanceof WriteConflict)) throw failure;
      throw new ToolError(
        "conflict",
        `"${draft.collection}" already has an article titled "${draft.title}".`,
        {
          suggestedAction:
            "Find it with search and change it with knowledge_update_article, or choose another title.",
        },
      );
    }
  }

  /**
   * Writes an article's next version and returns it; an empty change writes nothing. Throws `conflict`,
   * naming both versions, when the article is not at the expected one.
   */
  async updateArticle(slug: string, change: ArticleChange, now: Date): Promise<Article> {
    const current = await this.requireUpdatable(slug, change.expectedVersion);
    const next = {
      id: current.id,
      expectedVersion: change.expectedVersion,
      title: change.title ?? current.title,
      body: change.body ?? current.body,
      tags: change.tags ?? current.tags,
      changeNote: change.changeNote,
    };
    if (isSame(next, current)) return current;
    try {
      await insertVersion(this.#db, next, this.#author, now);
    } catch (failure) {
      if (!(failure instanceof WriteConflict)) throw failure;
      throw await this.#explainConflict(slug, next.title, change.expectedVersion);
    }
    return this.#articleChanged(slug);
  }

  /** The article, when this person may write its next version. Throws `not_found`, `forbidden` or `conflict`. */
  async requireUpdatable(slug: string, expectedVersion?: number): Promise<Article> {
    const current = await this.readArticle(slug);
    await this.collections.requireWritable(current.collection);
    if (expectedVersion === undefined || current.version === expectedVersion) return current;
    throw staleVersion(slug, expectedVersion, current);
  }

  /** Imports documents, each on its own and in their order. Throws `not_found` or `forbidden` for the collection. */
  async importDocuments(
    collection: string,
    documents: readonly ImportedDocument[],
    options: { overwrite: boolean; now: Date },
  ): Promise<PieceOutcome[]> {
    const collectionId = await this.collections.requireWritable(collection);
    const outcomes = await ingestPiece(this.#db, documents, {
      ...options,
      collectionId,
      author: this.#author,
    });
    this.#embedLater();
    return outcomes;
  }

  /** Called after every write by a user, restores included. Returns the stored article. */
  #articleChanged(slug: string): Promise<Article> {
    this.#embedLater();
    return this.readArticle(slug);
  }

  async #explainConflict(slug: string, title: string, expected: number): Promise<ToolError> {
    const latest = await this.readArticle(slug);
    if (latest.version !== expected) return staleVersion(slug, expected, latest);
    return new ToolError("conflict", `"${latest.collection}" already has an article titled "${title}".`, {
      suggestedAction: "Choose another title.",
    });
  }

  /**
   * Embeds the next pending articles and returns whether any remain. Throws `unavailable` without the
   * bindings.
   */
  async reindex(fromScratch: boolean): Promise<{ embedded: number; remaining: boolean }> {
    if (this.#vectors === undefined) {
      throw new ToolError("unavailable", "Search by meaning is not set up here; full text answers alone.", {
        suggestedAction: "Bind Workers AI and Vectorize as the deployment notes say, then reindex.",
      });
    }
    if (fromScratch) await this.#vectors.forget();
    return this.#vectors.embed(REINDEX_BATCH, new Date());
  }

  /** Runs after the response; failed articles stay pending until the next write or {@link reindex}. */
  #embedLater(): void {
    if (this.#vectors === undefined) return;
    waitUntil(this.#vectors.embed(EMBEDDED_PER_WRITE, new Date()).catch(() => null));
  }

  async #openScope(collection: string | undefined) {
    return { ...(await this.collections.openScope(collection)), vectors: this.#vectors };
  }

  async #canReadNow(slug: string): Promise<boolean> {
    const article = await readArticle(this.#db, slug);
    return article !== null && this.collections.canRead(article.collectionId);
  }
}

/** Opens the knowledge base for one call; every write stores the user's id and name. */
export function openStore(env: Env, principal: PrincipalIdentity): KnowledgeStore {
  const author = { id: principal.userId, name: principal.name };
  const vectors = openVectorSide(env, env.KNOWLEDGE_DB);
  return new KnowledgeStore(env.KNOWLEDGE_DB, author, principal.role, vectors, env as MediaBindings);
}
