import { ToolError } from "../../shared/call/tool-error.ts";
import { toBase64 } from "../../shared/encoding/base64.ts";
import { defineResource } from "../../shared/server/define.ts";
import { MAX_SHOWN_BYTES } from "./media/media-fields.ts";
import { articleUri } from "./store/rows.ts";
import type { KnowledgeStore } from "./store.ts";

/** Maximum articles in `resources/list`; search finds the others. */
const LISTED_ARTICLES = 200;

/** `kb://articles/{slug}`: an article as Markdown. */
export const articleResource = defineResource<KnowledgeStore>({
  name: "knowledge_article",
  title: "Article",
  description: "An article of the knowledge base as Markdown.",
  uriTemplate: "kb://articles/{slug}",
  mimeType: "text/markdown",
  scope: "knowledge:read",
  async list({ store }) {
    const articles = await store.listArticles({ limit: LISTED_ARTICLES });
    return articles.map((article) => ({
      uri: articleUri(article.slug),
      name: article.slug,
      title: article.title,
      description: `${article.collection}, version ${article.version}, changed ${article.updatedAt.slice(0, 10)}`,
      mimeType: "text/markdown",
      lastModified: article.updatedAt,
    }));
  },
  complete: { slug: (typed, { store }) => store.suggestSlugs(typed) },
  async read({ uri, params }, { store, context }) {
    const { slug, title, body } = await store.readArticle(params.slug ?? "");
    context.remember({ type: "article", id: slug, label: title });
    return [{ uri, mimeType: "text/markdown", text: body }];
  },
});

/** `kb://articles/{slug}#{section}`: the target of a citation. */
export const sectionResource = defineResource<KnowledgeStore>({
  name: "knowledge_section",
  title: "Section of an article",
  description: "One section of an article with all below it, as Markdown: what a citation points at.",
  uriTemplate: "kb://articles/{slug}#{section}",
  mimeType: "text/markdown",
  scope: "knowledge:read",
  complete: {
    slug: (typed, { store }) => store.suggestSlugs(typed),
    section: (typed, { store }, { slug }) => (slug === undefined ? [] : store.suggestAnchors(slug, typed)),
  },
  async read({ uri, params }, { store, context }) {
    const { slug, title } = await store.readArticle(params.slug ?? "");
    const { text } = await store.readSection(slug, params.section ?? "");
    context.remember({ type: "article", id: slug, label: title });
    return [{ uri, mimeType: "text/markdown", text }];
  },
});

/** `kb://media/{id}`: a picture or recording, which articles link to. */
export const mediaResource = defineResource<KnowledgeStore>({
  name: "knowledge_media",
  title: "Picture or recording",
  description: "A picture or recording of the knowledge base.",
  uriTemplate: "kb://media/{id}",
  mimeType: "application/octet-stream",
  scope: "knowledge:read",
  complete: { id: (typed, { store }) => store.suggestMedia(typed) },
  async read({ uri, params }, { store }) {
    const item = await store.media.read(params.id ?? "");
    if (item.bytes > MAX_SHOWN_BYTES) {
      throw new ToolError(
        "result_too_large",
        `"${item.slug}" has ${item.bytes} bytes; at most ${MAX_SHOWN_BYTES} are handed over.`,
        {
          suggestedAction: "Read its caption or transcript with knowledge_get_media.",
        },
      );
    }
    const blob = toBase64(await store.media.readBytes(item));
    return [{ uri, mimeType: item.mimeType, blob }];
  },
});

/** `kb://collections`: the collections as JSON. */
export const collectionsResource = defineResource<KnowledgeStore>({
  name: "knowledge_collections",
  title: "Collections",
  description: "The collections of the knowledge base with what each is for and how many articles it holds.",
  uri: "kb://collections",
  mimeType: "application/json",
  scope: "knowledge:read",
  async read({ uri }, { store }) {
    const collections = await store.collections.list();
    return [{ uri, mimeType: "application/json", text: JSON.stringify({ collections }, null, 2) }];
  },
});
