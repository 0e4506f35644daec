import { ToolError } from "../../../shared/call/tool-error.ts";
import { type MediaItem, readMedia, readMediaList, writeDescription } from "../store/media.ts";
import type { OpenCollections } from "../store/open-collections.ts";
import type { Author } from "../store/rows.ts";
import { type DescribingAi, describeBytes } from "./describe-bytes.ts";
import { type KeptMedia, keepMedia, type MediaUpload } from "./keep-media.ts";

/** Bindings for media; some are optional. */
export interface MediaBindings {
  MEDIA?: Pick<R2Bucket, "put" | "get"> | undefined;
  AI?: DescribingAi | undefined;
}

/**
 * Pictures and recordings, for one call of one user. Items in collections that the user's role cannot read do
 * not exist for it.
 */
export class MediaLibrary {
  readonly #db: D1Database;
  readonly #bindings: MediaBindings;
  readonly #author: Author;
  readonly #collections: OpenCollections;

  constructor(db: D1Database, bindings: MediaBindings, author: Author, collections: OpenCollections) {
    this.#db = db;
    this.#bindings = bindings;
    this.#author = author;
    this.#collections = collections;
  }

  /** Stores a picture or recording in a collection. Throws `invalid_input` for other bytes. */
  async keep(
    upload: Omit<MediaUpload, "collectionId"> & { collection: string },
    now: Date,
  ): Promise<KeptMedia> {
    const collectionId = await this.#collections.requireWritable(upload.collection);
    return keepMedia({ db: this.#db, bucket: this.#bucket }, { ...upload, collectionId }, this.#author, now);
  }

  /** One item without its bytes. Throws `not_found`. */
  async read(slug: string): Promise<MediaItem> {
    const item = await readMedia(this.#db, slug);
    if (item && (await this.#collections.canRead(item.collectionId))) return item;
    throw new ToolError("not_found", `There is no picture or recording "${slug}".`, {
      suggestedAction: "Use a kb://media/… address from an article that fetch returns.",
    });
  }

  /** The bytes of an item from {@link read}. Throws `unavailable` when R2 has lost them. */
  async readBytes({ hash, slug }: MediaItem): Promise<Uint8Array> {
    const object = await this.#bucket.get(hash);
    if (object) return new Uint8Array(await object.arrayBuffer());
    throw new ToolError("unavailable", `The content of "${slug}" is missing from the storage.`, {
      suggestedAction: "Keep the file again; its address stays the same.",
    });
  }

  /** The items among the named ones that the user can read, in the given order. */
  async list(slugs: readonly string[]): Promise<MediaItem[]> {
    const items = await readMediaList(this.#db, slugs);
    const open = await Promise.all(items.map(({ collectionId }) => this.#collections.canRead(collectionId)));
    return items.filter((_item, index) => open[index]);
  }

  /** The item and the model binding for describing it. Throws `unavailable` without Workers AI. */
  async requireDescribable(slug: string): Promise<{ item: MediaItem; ai: DescribingAi }> {
    const item = await this.read(slug);
    await this.#collections.requireWritable(item.collection);
    const ai = this.#bindings.AI;
    if (ai === undefined) {
      throw new ToolError(
        "unavailable",
        "Transcripts and captions need Workers AI, which is not bound here.",
        {
          suggestedAction: "Write the description yourself: call knowledge_describe_media with text.",
        },
      );
    }
    return { item, ai };
  }

  /**
   * Lets a model write the transcript or caption of an item. Throws `unavailable` without Workers AI or when
   * it fails.
   */
  async describe(slug: string): Promise<MediaItem> {
    const { item, ai } = await this.requireDescribable(slug);
    const bytes = await this.readBytes(item);
    const said = await describeBytes(ai, item.mimeType, bytes).catch((cause: unknown) => {
      throw new ToolError("unavailable", `Workers AI could not describe "${slug}".`, {
        suggestedAction: "Try again later, or write the description yourself with text.",
        cause,
      });
    });
    await writeDescription(this.#db, slug, said.text, said.model);
    return { ...item, description: said.text, describedBy: said.model };
  }

  /** Stores a caption or transcript that the user wrote. */
  async writeDescription(slug: string, text: string): Promise<MediaItem> {
    const item = await this.read(slug);
    await this.#collections.requireWritable(item.collection);
    await writeDescription(this.#db, slug, text, this.#author.name);
    return { ...item, description: text, describedBy: this.#author.name };
  }

  get #bucket(): Pick<R2Bucket, "put" | "get"> {
    if (this.#bindings.MEDIA !== undefined) return this.#bindings.MEDIA;
    throw new ToolError("unavailable", "Pictures and recordings have no storage here: MEDIA is not bound.", {
      suggestedAction: "Ask an administrator to bind an R2 bucket as MEDIA in wrangler.toml and to deploy.",
    });
  }
}
