import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { KnowledgeStore } from "../../workers/knowledge/store.ts";
import { embedArticles } from "../../workers/knowledge/vectors/embed-job.ts";
import { fuseRankings } from "../../workers/knowledge/vectors/fuse-rankings.ts";
import { openVectorSide, VectorSide } from "../../workers/knowledge/vectors/vector-side.ts";
import { NOON, openTestStore, saveArticles } from "./fixture.ts";

/** The bindings of a deployment: neither runs on a machine without an account. */
class Bindings {
  stored = new Map<string, { collection: number }>();
  filters: unknown[] = [];
  models: string[] = [];
  /** In the format of the models' pages: `shape` and `data`, and a pooling. */
  embed: (texts: string[], size: number) => Promise<unknown> = async (texts, size) => ({
    shape: [texts.length, size],
    data: texts.map(() => Array.from({ length: size }, () => 0.1)),
    pooling: "cls",
  });
  nearest: string[] = [];
  similarity = 0.7;
  RERANK_MODEL = "";
  /** As the reranker's page documents it: `response` with `id` and `score`, best first. */
  rerank: (question: { query: string; contexts: { text: string }[] }) => Promise<unknown> = async () => ({});
  AI = {
    run: (model: string, input: { text: string[]; query: string; contexts: { text: string }[] }) => {
      this.models.push(model);
      if (model === this.RERANK_MODEL) return this.rerank(input);
      return this.embed(input.text, model.includes("m3") ? 1_024 : 768);
    },
  };
  KNOWLEDGE_VECTORS_M3 = {
    query: async (_vector: number[], options: { filter?: unknown }) => {
      this.filters.push(options.filter);
      return {
        count: this.nearest.length,
        matches: this.nearest.map((id) => ({ id, score: this.similarity })),
      };
    },
    upsert: async (vectors: { id: string; metadata: { collection: number } }[]) => {
      for (const { id, metadata } of vectors) this.stored.set(id, metadata);
      return { mutationId: "m" };
    },
  };
}

function openHybrid(bindings: Bindings, role = "admin"): KnowledgeStore {
  const vectors = openVectorSide(bindings, env.KNOWLEDGE_DB);
  return new KnowledgeStore(env.KNOWLEDGE_DB, { id: "user-robin", name: "Robin" }, role, vectors);
}

async function passageOf(slug: string): Promise<string> {
  const id = await env.KNOWLEDGE_DB.prepare(
    "SELECT p.id FROM passages p JOIN articles a ON a.id = p.article_id WHERE a.slug = ?1 ORDER BY p.ordinal",
  )
    .bind(slug)
    .first<number>("id");
  return String(id);
}

beforeAll(saveArticles);

describe("search by words and by meaning", () => {
  it("finds a passage that shares no word with the query, and reports hybrid retrieval", async () => {
    const bindings = new Bindings();
    bindings.nearest = [await passageOf("travel-and-expenses")];
    const answer = await openHybrid(bindings).searchArticles({ question: "lodging zzz", limit: 5 });
    expect(answer).toMatchObject({ retrieval: "hybrid", hits: [{ slug: "travel-and-expenses" }] });
    expect(answer.hits[0]?.snippet).toContain("Trains before planes");
  });

  it("ranks passages first that both indexes find", async () => {
    const bindings = new Bindings();
    bindings.nearest = [await passageOf("incident-process"), await passageOf("travel-and-expenses")];
    const { hits } = await openHybrid(bindings).searchArticles({ question: "hotel invoice", limit: 5 });
    expect(hits[0]?.slug).toBe("travel-and-expenses");
  });

  it.each([
    ["fails", () => Promise.reject(new Error("down"))],
    ["answers nonsense", async () => ({ data: [] })],
    ["gives another model's vectors", async () => ({ data: [[1, 2, 3]] })],
    ["never answers", () => new Promise(() => {})],
  ])("answers in full text, marked as such, when the vector index %s", async (_what, embed) => {
    const bindings = new Bindings();
    bindings.embed = embed;
    const plain = await openTestStore().searchArticles({ question: "refund", limit: 5 });
    expect(plain.retrieval).toBe("full_text");
    expect(await openHybrid(bindings).searchArticles({ question: "refund", limit: 5 })).toEqual(plain);
  });

  describe("with a model that reads the best hits", () => {
    const request = { question: "hotel refund invoice", limit: 5 };

    async function openReranked() {
      const bindings = new Bindings();
      bindings.nearest = [await passageOf("incident-process"), await passageOf("travel-and-expenses")];
      const before = await openHybrid(bindings).searchArticles(request);
      expect(bindings.models).not.toContain("@cf/baai/bge-reranker-base");
      bindings.RERANK_MODEL = "@cf/baai/bge-reranker-base";
      return { bindings, before };
    }

    it("takes its order, and leaves the scores falling", async () => {
      const { bindings, before } = await openReranked();
      expect(before.hits.length).toBeGreaterThan(2);
      bindings.rerank = async ({ query, contexts }) => {
        expect(query).toBe(request.question);
        expect(contexts[0]?.text).toContain(before.hits[0]?.title ?? "?");
        return { response: contexts.map((_, id) => ({ id, score: id / 100 })).reverse() };
      };
      const { hits } = await openHybrid(bindings).searchArticles(request);
      expect(hits.map(({ slug }) => slug)).toEqual(before.hits.map(({ slug }) => slug).reverse());
      expect(hits.map(({ score }) => score)).toEqual(before.hits.map(({ score }) => score));
    });

    it.each([
      ["fails", () => Promise.reject(new Error("down"))],
      ["never answers", () => new Promise(() => {})],
      ["answers nonsense", async () => ({ response: [{ id: 99, score: "high" }] })],
      ["leaves a hit out", async () => ({ response: [{ id: 1, score: 1 }] })],
      ["answers nothing", async () => ({})],
    ])("keeps the order when it %s", async (_what, rerank) => {
      const { bindings, before } = await openReranked();
      bindings.rerank = rerank;
      expect(await openHybrid(bindings).searchArticles(request)).toEqual(before);
    });
  });

  it("returns nothing of a hidden collection, whatever the vector index says", async () => {
    const store = openTestStore();
    await store.collections.ensure({ slug: "board", title: "Board" }, NOON);
    const draft = { collection: "board", title: "Secret plan", body: "Quiet.", tags: [] };
    const { collectionId } = await store.createArticle(draft, NOON);
    await store.collections.share("board", { readers: [], writers: [] });
    const bindings = new Bindings();
    bindings.nearest = [await passageOf("secret-plan"), "999999", "no number"];
    const editor = openHybrid(bindings, "editor");
    expect((await editor.searchArticles({ question: "zzz", limit: 5 })).hits).toEqual([]);
    expect((await editor.searchPassages({ question: "zzz", limit: 5 })).hits).toEqual([]);
    expect(bindings.filters).toContainEqual({ collection: { $nin: [collectionId] } });
  });

  it("embeds pending articles until none is left, and retries failed ones", async () => {
    const bindings = new Bindings();
    const store = openHybrid(bindings);
    const works = bindings.embed;
    bindings.embed = () => Promise.reject(new Error("down"));
    await expect(store.reindex(false)).rejects.toThrow("down");
    bindings.embed = works;
    expect(await store.reindex(false)).toMatchObject({ embedded: 5, remaining: false });
    expect(bindings.stored.size).toBeGreaterThan(5);
    expect(await store.reindex(false)).toEqual({ embedded: 0, remaining: false });
    expect((await store.reindex(true)).embedded).toBe(5);
  });

  it("is confident by meaning where no word is shared, and not where no passage is near", async () => {
    const bindings = new Bindings();
    bindings.nearest = [await passageOf("travel-and-expenses")];
    const ask = () => openHybrid(bindings).searchArticles({ question: "lodging zzz", limit: 5 });
    expect((await ask()).confidence).toBeGreaterThan(0.8);
    bindings.similarity = 0.3;
    expect((await ask()).confidence).toBeLessThan(0.1);
  });

  it("queries the former index until the new one has held every article, and stays with the new one", async () => {
    const bindings = Object.assign(new Bindings(), {
      KNOWLEDGE_VECTORS: new Bindings().KNOWLEDGE_VECTORS_M3,
    });
    await env.KNOWLEDGE_DB.batch([
      env.KNOWLEDGE_DB.prepare("DELETE FROM vector_indexes"),
      env.KNOWLEDGE_DB.prepare("UPDATE articles SET embedded_m3_version = NULL"),
    ]);
    // State about a database is cached by its connection.
    const db = new Proxy(env.KNOWLEDGE_DB, {
      get: (target, property) => Reflect.get(target, property).bind(target),
    });
    const side = openVectorSide(bindings, db);
    const askedModel = async () => {
      bindings.models = [];
      await side?.findNearest("holiday", { hidden: [] });
      return bindings.models;
    };
    expect(await askedModel()).toEqual(["@cf/baai/bge-base-en-v1.5"]);
    expect(await side?.embed(2, NOON)).toEqual({ embedded: 2, remaining: true });
    expect(await askedModel()).toEqual(["@cf/baai/bge-base-en-v1.5"]);
    expect(await side?.embed(50, NOON)).toMatchObject({ remaining: false });
    expect(await askedModel()).toEqual(["@cf/baai/bge-m3"]);
    await side?.forget();
    expect(await askedModel()).toEqual(["@cf/baai/bge-m3"]);
  });

  it("embeds pending articles by schedule, and leaves a failure to the next run", async () => {
    const bindings = new Bindings();
    const works = bindings.embed;
    bindings.embed = () => Promise.reject(new Error("down"));
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    await embedArticles({ ...env, ...bindings } as unknown as Env);
    expect(log).toHaveBeenCalledOnce();
    log.mockRestore();
    bindings.embed = works;
    await embedArticles({ ...env, ...bindings } as unknown as Env);
    expect(bindings.stored.size).toBeGreaterThan(5);
    await embedArticles(env);
  });

  it("is disabled without both bindings, and reindexing reports it", async () => {
    expect(openVectorSide({}, env.KNOWLEDGE_DB)).toBeUndefined();
    await expect(openTestStore().reindex(false)).rejects.toThrow("not set up");
    expect(openVectorSide(new Bindings(), env.KNOWLEDGE_DB)).toBeInstanceOf(VectorSide);
  });
});

describe("fusing rankings", () => {
  it("keeps every item once, and ranks nothing below an item that it beats everywhere", () => {
    const ranking = fc.uniqueArray(fc.nat(20), { maxLength: 15 });
    fc.assert(
      fc.property(ranking, ranking, (first, second) => {
        const fused = fuseRankings([first, second], (item) => item).map(({ item }) => item);
        expect([...fused].sort()).toEqual([...new Set([...first, ...second])].sort());
        const place = (list: number[], item: number) => (list.includes(item) ? list.indexOf(item) : 99);
        for (const a of fused) {
          for (const b of fused) {
            if (place(first, a) < place(first, b) && place(second, a) < place(second, b))
              expect(fused.indexOf(a)).toBeLessThan(fused.indexOf(b));
          }
        }
      }),
    );
  });
});
