import type { PrincipalIdentity } from "../../shared/auth/principal.ts";
import { ToolError } from "../../shared/mcp/errors.ts";
import { MAX_COLLECTIONS } from "./article-limits.ts";
import {
  ensureCollection,
  findCollection,
  listCollections,
  type NewCollection,
} from "./store/collections.ts";
import {
  type ListRequest,
  listArticles,
  listVersions,
  readArticle,
  readSection,
  suggestAnchors,
  suggestSlugs,
} from "./store/read-articles.ts";
import type { Article, Author } from "./store/rows.ts";
import { type SearchRequest, searchArticles, searchPassages } from "./store/search-passages.ts";
import { insertArticle, insertVersion, WriteConflict } from "./store/write-articles.ts";

/** A change to an article; fields left out stay as they are. */
export interface ArticleChange {
  expectedVersion: number;
  title?: string | undefined;
  body?: string | undefined;
  tags?: readonly string[] | undefined;
  changeNote: string;
}

/** A new article as a person or model writes it. */
export interface ArticleDraft {
  collection: string;
  title: string;
  body: string;
  tags: readonly string[];
}

/** All data access of the knowledge base, opened for one call of one person. */
export class KnowledgeStore {
  readonly #db: D1Database;
  readonly #author: Author;

  constructor(db: D1Database, author: Author) {
    this.#db = db;
    this.#author = author;
  }

  /** Articles for a question, best first. A collection that does not exist is an error that names those that do. */
  async searchArticles(request: SearchRequest) {
    await this.#checkCollection(request.collection);
    return searchArticles(this.#db, request);
  }

  /** Passages for a question, best first. */
  async searchPassages(request: SearchRequest) {
    await this.#checkCollection(request.collection);
    return searchPassages(this.#db, request);
  }

  /** Articles without their text, newest change first. */
  async listArticles(request: ListRequest) {
    await this.#checkCollection(request.collection);
    return listArticles(this.#db, request);
  }

  /** Every collection with its number of articles. */
  listCollections() {
    return listCollections(this.#db);
  }

  /** One article; `version` reads an older text. Throws `not_found`. */
  async readArticle(slug: string, version?: number): Promise<Article> {
    const article = await readArticle(this.#db, slug, version);
    if (article) return article;
    if (version !== undefined && (await readArticle(this.#db, slug))) {
      throw new ToolError("not_found", `The article "${slug}" has no version ${version}.`, {
        suggestedAction: "Call knowledge_get_history for the versions there are.",
      });
    }
    throw new ToolError("not_found", `There is no article with the id "${slug}".`, {
      suggestedAction: "Find the article with search and use the id it returns.",
    });
  }

  /** One section of an article with all below it. Throws `not_found`. */
  async readSection(slug: string, anchor: string) {
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

  /** Slugs that fit what was typed. */
  suggestSlugs(typed: string) {
    return suggestSlugs(this.#db, typed);
  }

  /** Fragments of an article's headings that fit what was typed. */
  suggestAnchors(slug: string, typed: string) {
    return suggestAnchors(this.#db, slug, typed);
  }

  /** Makes sure that a collection exists. Throws `invalid_input` when there are too many. */
  async ensureCollection(collection: NewCollection, now: Date): Promise<void> {
    if ((await ensureCollection(this.#db, collection, this.#author, now)) !== null) return;
    throw new ToolError(
      "invalid_input",
      `There are ${MAX_COLLECTIONS} collections already, the most there can be.`,
      {
        suggestedAction: "Use one of those that knowledge_list_collections names.",
      },
    );
  }

  /** Creates an article. Throws `not_found` for the collection and `conflict` when it has that title already. */
  async createArticle(draft: ArticleDraft, now: Date): Promise<Article> {
    const collectionId = await this.#checkCollection(draft.collection);
    try {
      const slug = await insertArticle(this.#db, { ...draft, collectionId }, this.#author, now);
      return await this.readArticle(slug);
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
   * Writes an article's next version and returns it; a change that changes nothing writes nothing.
   * Throws `conflict`, naming both versions, when the article is not at the expected one.
   */
  async updateArticle(slug: string, change: ArticleChange, now: Date): Promise<Article> {
    const current = await this.readArticle(slug);
    if (current.version !== change.expectedVersion) throw staleVersion(slug, change.expectedVersion, current);
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
    return this.readArticle(slug);
  }

  async #explainConflict(slug: string, title: string, expected: number): Promise<ToolError> {
    const latest = await this.readArticle(slug);
    if (latest.version !== expected) return staleVersion(slug, expected, latest);
    return new ToolError("conflict", `"${latest.collection}" already has an article titled "${title}".`, {
      suggestedAction: "Choose another title.",
    });
  }

  async #checkCollection(slug: string): Promise<number>;
  async #checkCollection(slug: string | undefined): Promise<number | undefined>;
  async #checkCollection(slug: string | undefined): Promise<number | undefined> {
    if (slug === undefined) return undefined;
    const id = await findCollection(this.#db, slug);
    if (id !== null) return id;
    const known = (await this.listCollections()).slice(0, 20).map((collection) => collection.slug);
    throw new ToolError("not_found", `There is no collection "${slug}".`, {
      suggestedAction:
        known.length === 0 ? "There are no collections yet." : `Use one of these: ${known.join(", ")}.`,
    });
  }
}

/** Opens the knowledge base for one call; every write carries the person's id and name. */
export function openStore(env: Env, principal: PrincipalIdentity): KnowledgeStore {
  return new KnowledgeStore(env.KNOWLEDGE_DB, { id: principal.userId, name: principal.name });
}

function staleVersion(slug: string, expected: number, current: Article): ToolError {
  return new ToolError(
    "conflict",
    `You changed version ${expected} of "${slug}", but it is at version ${current.version} now (by ${current.updatedBy}).`,
    {
      suggestedAction: `Fetch the article again, apply the change to version ${current.version}, and retry.`,
    },
  );
}

function isSame(next: { title: string; body: string; tags: readonly string[] }, current: Article): boolean {
  return (
    next.title === current.title &&
    next.body === current.body &&
    next.tags.length === current.tags.length &&
    next.tags.every((tag, index) => tag === current.tags[index])
  );
}
