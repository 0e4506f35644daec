import { describe, expect, it } from "vitest";
import { openTestStore } from "../knowledge/fixture.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";

const ARTICLES = 130;

/** Adds articles whose names have the desired sort order. */
async function addArticles(names: readonly string[]): Promise<void> {
  const store = openTestStore();
  await store.collections.ensure({ slug: "handbook", title: "Handbook", readers: null }, new Date());
  for (const title of names) {
    await store.createArticle({ collection: "handbook", title, body: "Text.", tags: [] }, new Date());
  }
}

async function listPage(session: TestSession, cursor?: string) {
  const { result, error } = await session.request("resources/list", cursor === undefined ? {} : { cursor });
  return {
    uris: (result?.resources ?? []).map(({ uri }: { uri: string }) => uri),
    next: result?.nextCursor,
    error,
  };
}

describe("a list of several pages", () => {
  it("continues after its last item, on both generations, whatever was added before it", async () => {
    await addArticles(Array.from({ length: ARTICLES }, (_, index) => `m${String(index).padStart(3, "0")}`));
    for (const lane of LANES) {
      const session = await openSession({ server: "knowledge", lane });
      const first = await listPage(session);
      await addArticles([`a-${lane}`]);
      const second = await listPage(session, first.next);
      const members = [...first.uris, ...second.uris].filter((uri) => /articles\/m\d/.test(uri));
      expect(new Set(members).size).toBe(ARTICLES);
      expect(members).toEqual([...members].sort());
      expect(second.next).toBeUndefined();
    }
  });

  it.each(LANES)(
    "accepts no cursor of a colleague, another app, another list, or of the client's own making (%s)",
    async (lane) => {
      const session = await openSession({ server: "knowledge", lane });
      const { next } = await listPage(session);
      const others = [
        await openSession({ server: "knowledge", lane, as: "bob" }),
        await openSession({ server: "knowledge", lane }),
        await openSession({ server: "", lane, token: (await openSession({ server: "", lane })).token }),
      ];
      for (const other of others) expect((await listPage(other, next)).error?.code).toBe(-32602);
      expect((await session.request("tools/list", { cursor: next })).error?.code).toBe(-32602);
      const [place = "", ...signature] = next.split(".");
      const forged = [btoa('{"after":"","position":1}').replaceAll("=", ""), ...signature].join(".");
      for (const cursor of [forged, place, `${next}A`, "", "p:100", btoa("p:100"), "é".repeat(50)]) {
        const { error } = await listPage(session, cursor);
        expect(error).toMatchObject({ code: -32602, message: expect.stringContaining("without one") });
      }
      expect((await listPage(session, next)).error).toBeUndefined();
    },
  );
});

describe.each(LANES)("answers on the %s lane", (lane) => {
  it("may be cached by the client only", async () => {
    const session = await openSession({ server: "knowledge", lane });
    for (const method of ["tools/list", "resources/list", "prompts/list", "resources/templates/list"]) {
      const { headers, result } = await session.request(method);
      expect(headers.get("cache-control")).toContain("no-store");
      expect(result.cacheScope ?? "private").toBe("private");
    }
  });
});
