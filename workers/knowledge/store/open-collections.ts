import { ToolError } from "../../../shared/call/tool-error.ts";
import { MAX_COLLECTIONS } from "../article-limits.ts";
import {
  ADMIN_ROLE,
  type CollectionAccess,
  type CollectionRoles,
  type CollectionScope,
  readAccess,
  writeAccess,
} from "./access.ts";
import { ensureCollection, findCollection, listCollections, type NewCollection } from "./collections.ts";
import type { Author, Collection } from "./rows.ts";

/**
 * The collections that a user's role can access, for one call. Others appear in no list and under no name.
 */
export class OpenCollections {
  readonly #db: D1Database;
  readonly #author: Author;
  readonly #role: string;
  #access: Promise<CollectionAccess> | undefined;

  constructor(db: D1Database, author: Author, role: string) {
    this.#db = db;
    this.#author = author;
    this.#role = role;
  }

  /** Every collection with its number of articles. */
  async list(): Promise<Collection[]> {
    return listCollections(this.#db, (await this.readAccess()).hidden);
  }

  /** Access of the role. Read once. */
  readAccess(): Promise<CollectionAccess> {
    this.#access ??= readAccess(this.#db, this.#role);
    return this.#access;
  }

  /** Whether the user can read the collection with this row id. */
  async canRead(id: number): Promise<boolean> {
    return (await this.readAccess()).canRead(id);
  }

  /**
   * The row id of a collection; `undefined` stays `undefined`. Throws `not_found`, with the existing names.
   */
  async find(slug: string): Promise<number>;
  async find(slug: string | undefined): Promise<number | undefined>;
  async find(slug: string | undefined): Promise<number | undefined> {
    if (slug === undefined) return undefined;
    const id = await findCollection(this.#db, slug);
    if (id !== null && (await this.canRead(id))) return id;
    const known = (await this.list()).slice(0, 20).map((collection) => collection.slug);
    throw new ToolError("not_found", `There is no collection "${slug}".`, {
      suggestedAction:
        known.length === 0 ? "There are no collections yet." : `Use one of these: ${known.join(", ")}.`,
    });
  }

  /** The scope of a query: one collection, or all that the user can read. Throws `not_found`. */
  async openScope(slug: string | undefined): Promise<CollectionScope> {
    return { only: await this.find(slug), hidden: (await this.readAccess()).hidden };
  }

  /** The row id of a collection that the user can write. Throws `not_found` or `forbidden`. */
  async requireWritable(slug: string): Promise<number> {
    const id = await this.find(slug);
    if ((await this.readAccess()).canWrite(id)) return id;
    throw new ToolError(
      "forbidden",
      `Your role "${this.#role}" may read the collection "${slug}" but not write to it.`,
      {
        suggestedAction: "Ask a person with write access; knowledge_share_collection gives a role access.",
      },
    );
  }

  /**
   * Creates a collection unless it exists; an existing one stays unchanged. The user's own role and the
   * `readers` can read a new one, `null` for every role. Throws `invalid_input` when there are too many,
   * `conflict` for a taken name.
   */
  async ensure(collection: NewCollection, now: Date): Promise<void> {
    const { readers = [] } = collection;
    const open = readers && [...new Set([this.#role, ...readers])];
    const id = await ensureCollection(this.#db, { ...collection, readers: open }, this.#author, now);
    // The cached access may be older than the collection.
    this.#access = undefined;
    if (id === null) {
      throw new ToolError(
        "invalid_input",
        `There are ${MAX_COLLECTIONS} collections already, the most there can be.`,
        { suggestedAction: "Use one of those that knowledge_list_collections names." },
      );
    }
    if (await this.canRead(id)) return;
    throw new ToolError("conflict", `The name "${collection.slug}" cannot be used for a new collection.`, {
      suggestedAction: "Choose another name, or one of those that knowledge_list_collections names.",
    });
  }

  /**
   * Sets the roles that can read and write a collection. Requires write access; a user cannot exclude the own
   * role.
   */
  async share(slug: string, roles: CollectionRoles): Promise<void> {
    const id = await this.requireWritable(slug);
    const shutsOut = (list: readonly string[] | null) => list !== null && !list.includes(this.#role);
    if (this.#role !== ADMIN_ROLE && (shutsOut(roles.readers) || shutsOut(roles.writers))) {
      throw new ToolError("invalid_input", `Your own role "${this.#role}" would lose access to "${slug}".`, {
        suggestedAction: `Add "${this.#role}" to the roles, or ask an administrator.`,
      });
    }
    await writeAccess(this.#db, id, roles);
  }
}
