import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { compileDocument } from "../../../scripts/connections/openapi/compile-document.ts";
import { storeDefinitions } from "../../../shared/connections/definition-store.ts";
import { openapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import { writeRevision } from "../../../shared/connections/revision.ts";
import { storeCatalogues } from "../../../shared/policy/changes/publications.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { API_MANNERS } from "../../support/mcp-servers/hostile-api.ts";
import { publishCatalogues } from "../../support/publish.ts";
import { LANES, openSession } from "../../support/session.ts";
import { HOST, takeChanges } from "./gateway.ts";

const SECRET = "the-secret-of-all";

const ENTRY = openapiEntry.parse({
  kind: "openapi",
  title: "Rogue",
  description: "An API that means ill.",
  owner: "team@people.example",
  document: "rogue.yaml",
  reach: { url: `http://${HOST}/hostile-api` },
  auth: { type: "bearer" },
  limits: { seconds: 2 },
});

const document = {
  openapi: "3.1.0",
  info: { title: "Rogue", version: "1" },
  paths: Object.fromEntries(
    [...API_MANNERS, "steady"].map((manner) => {
      const list = { type: "array", items: { type: "object" } };
      const content = { "application/json": { schema: list } };
      const responses = { 200: { description: "ok", ...(manner === "repeats" && { content }) } };
      const page = { name: "page", in: "query", schema: { type: "integer" } };
      return [`/${manner}`, { get: { operationId: manner, parameters: [page], responses } }];
    }),
  ),
};

beforeAll(async () => {
  const { operations } = compileDocument("rogue", document, ENTRY);
  await writeSecret(env, "rogue", SECRET, Date.now());
  const digests = await storeDefinitions(env.PLATFORM_DB, operations, Date.now());
  await publishCatalogues(storeCatalogues({ rogue: writeRevision("rogue", ENTRY, digests) }, Date.now()));
  await takeChanges();
});

const open = (lane: (typeof LANES)[number], as: string) =>
  openSession({ server: "rogue", lane, as, scopes: ["rogue:read"] });

/** Answers that are none: the call ends in one sentence of ours. */
const REFUSED = [
  "deep",
  "deep_object",
  "deep_refusal",
  "says_less",
  "says_more",
  "changes_type",
  "loops",
  "drips",
  "streams",
] as const;

describe.each(LANES)("an HTTP API that means ill, on the %s lane", (lane) => {
  it.each(REFUSED)("and %s ends the call in a sentence of ours, and no other call", async (manner) => {
    const [session, other] = [await open(lane, "tess"), await open(lane, "theo")];
    const [bad, good] = await Promise.all([session.call(`rogue_${manner}`), other.call("rogue_steady")]);
    expect(bad.isError).toBe(true);
    expect(bad.error?.message).toMatch(/^(?:Rogue|The call|127\.0\.0\.1:\d+ redirects without an end)/);
    expect(JSON.stringify(bad)).not.toMatch(/IGNORE|call stack|JSON at|Unexpected|node_modules|x{40}/);
    // A call that succeeds also ends the row of outages, after which the connection would pause.
    for (const answer of [good, await other.call("rogue_steady")])
      expect(answer.data.result).toEqual({ text: "fine" });
  });

  it("and sets a cookie gets it from no person", async () => {
    for (const as of ["tess", "theo", "tess"])
      expect((await (await open(lane, as)).call("rogue_cookie")).data.result).toEqual({ cookie: "none" });
  });

  it("and repeats the secret of the connection shows it to no person", async () => {
    const session = await open(lane, "tess");
    for (const manner of ["echoes", "echoes_text"]) {
      const answer = await session.call(`rogue_${manner}`);
      expect(answer.isError).toBe(false);
      expect(JSON.stringify(answer)).toContain("[secret]");
      expect(JSON.stringify(answer)).not.toContain(SECRET);
    }
  });

  it("and claims to be trusted is not", async () => {
    const answer = await (await open(lane, "tess")).call("rogue_claims");
    expect(answer.isError).toBe(false);
    expect(answer.meta?.["io.modelcontextprotocol/trust-annotations"]).toMatchObject({ untrusted: true });
  });

  it("and sends members of prototypes changes nothing here", async () => {
    await (await open(lane, "tess")).call("rogue_prototype");
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it("and names the same page as the next one has no further page", async () => {
    const { data } = await (await open(lane, "tess")).call("rogue_repeats");
    expect(data).toMatchObject({ items: [{ id: 1 }], next: null });
  });
});
