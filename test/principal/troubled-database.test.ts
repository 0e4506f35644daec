import { evictAllDurableObjects } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { TOKEN_REQUESTS_PER_MINUTE } from "../../workers/gateway/oauth/protocol.ts";
import { deliverAll, eventsOf, linksOf, storedOf } from "../audit/trail.ts";
import { saveArticles } from "../knowledge/fixture.ts";
import { changeCounters } from "../support/attempts.ts";
import { waitForNews } from "../support/news.ts";
import { LANES, openSession } from "../support/session.ts";
import { TROUBLES, troublePlatformDatabase } from "../support/troubled-database.ts";

let end = () => {};

beforeAll(saveArticles);

afterEach(() => end());

describe.each(TROUBLES.flatMap((trouble) => LANES.map((lane) => [trouble, lane] as const)))(
  "with a %s platform database, on the %s lane",
  (trouble, lane) => {
    it("calls of a person whom their object knows go on, are recorded, and their records arrive later", async () => {
      const name = `known_${trouble}_${lane}`;
      const session = await openSession({ server: "crm", lane, as: name, role: "sales" });
      expect((await session.call("crm_list_deals")).isError).toBe(false);
      end = await troublePlatformDatabase(trouble);
      // The object has nothing in memory but what it stored.
      await evictAllDurableObjects();
      const answers = [];
      for (let call = 0; call < 5; call++) answers.push(await session.call("crm_list_deals", { limit: 1 }));
      expect(answers.map(({ isError }) => isError)).toEqual(Array(5).fill(false));
      const chain = `user_${name}`;
      const intents = (await eventsOf(chain)).filter(({ type }) => type === "intent");
      expect(intents.length).toBe(6);
      const made = await linksOf(chain);
      end();
      await deliverAll(chain);
      expect((await storedOf(chain)).map(({ hash }) => hash)).toEqual(
        expect.arrayContaining(made.map(({ hash }) => hash)),
      );
    });

    it("an open stream stays, and is told what a colleague changes", async () => {
      const [reader, writer] = await Promise.all(
        ["reads", "writes"].map((does) =>
          openSession({ server: "knowledge", lane, as: `${does}_${trouble}_${lane}`, role: "editor" }),
        ),
      );
      if (!reader || !writer) throw new Error("No sessions.");
      const { data } = await writer.call("fetch", { id: "refund-policy" });
      const { news } = await waitForNews(reader, { uris: ["kb://articles/refund-policy"] });
      end = await troublePlatformDatabase(trouble);
      await evictAllDurableObjects();
      const { error } = await writer.call("knowledge_update_article", {
        id: "refund-policy",
        expected_version: Number(data.metadata.version),
        body: `${data.text}\nAnd one line more.\n`,
        change_note: "More.",
      });
      expect(error).toBeUndefined();
      expect((await news.next())?.method).toBe("notifications/resources/updated");
      await news.close();
    });

    it("a role that was taken before stays taken", async () => {
      const name = `lowered_${trouble}_${lane}`;
      const session = await openSession({ server: "crm", lane, as: name, role: "viewer" });
      expect((await session.call("crm_list_deals")).isError).toBe(false);
      end = await troublePlatformDatabase(trouble);
      const { error } = await session.call("crm_create_contact", { full_name: "Nora New" });
      expect(error).toMatchObject({ code: "forbidden" });
    });
  },
);

describe.each(LANES)("a person whom no object knows, on the %s lane", (lane) => {
  it("is asked to try again while the database fails, and works after it", async () => {
    const session = await openSession({ server: "crm", lane, as: `new_${lane}` });
    const other = await openSession({ server: "crm", lane, as: `other_${lane}` });
    await other.call("crm_list_deals");
    end = await troublePlatformDatabase("failing");
    await evictAllDurableObjects();
    if (lane === "stateless") {
      expect((await session.call("crm_list_deals")).error).toMatchObject({ code: "unavailable" });
    }
    expect((await other.call("crm_list_deals")).isError).toBe(false);
    end();
    expect((await session.call("crm_list_deals")).isError).toBe(false);
  });
});

describe.each(TROUBLES)("with a %s platform database", (trouble) => {
  it("the limit of attempts at the token endpoint still counts, exactly", async () => {
    const ask = (address: string) =>
      exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
        method: "POST",
        headers: { "CF-Connecting-IP": address },
        body: new URLSearchParams({ grant_type: "none" }),
      });
    const address = `192.0.2.${TROUBLES.indexOf(trouble) + 60}`;
    end = await troublePlatformDatabase(trouble);
    expect((await ask(address)).status).toBe(401);
    await changeCounters(`UPDATE counters SET count = ${TOKEN_REQUESTS_PER_MINUTE - 5}`);
    await evictAllDurableObjects();
    const statuses = (await Promise.all(Array.from({ length: 20 }, () => ask(address)))).map(
      ({ status }) => status,
    );
    expect(statuses.filter((status) => status !== 429)).toHaveLength(5);
    expect((await ask("203.0.113.60")).status).not.toBe(429);
  });
});
