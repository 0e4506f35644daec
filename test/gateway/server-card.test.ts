import { env, exports } from "cloudflare:workers";
import { CfWorkerJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/cfworker";
import { describe, expect, it } from "vitest";
import { REVISIONS } from "../../shared/mcp/methods/revisions.ts";
import { LOGO_SIZE } from "../../shared/web/logo-image.ts";
import { describeServer } from "../../workers/gateway/discovery/server-card.ts";
import { listResources, toResources } from "../../workers/gateway/oauth/resources.ts";
import { servers } from "../../workers/servers.ts";
import { openSession } from "../support/session.ts";
import serverSchema from "./schemas/server.schema.json";
import cardSchema from "./schemas/server-card.schema.json";

const paths = (await listResources(env)).map(({ path }) => path);

const checkCard = new CfWorkerJsonSchemaValidator({ draft: "2020-12" }).getValidator({
  ...cardSchema,
  $ref: "#/$defs/ServerCard",
});
const checkRegistryEntry = new CfWorkerJsonSchemaValidator({ draft: "7" }).getValidator(serverSchema);

const get = (path: string, init: RequestInit = {}) =>
  exports.default.fetch(new URL(path, env.PUBLIC_URL), { redirect: "manual", ...init });

describe("the server card", () => {
  it.each(paths)("of %s is public, valid and for exactly this URL", async (path) => {
    const response = await get(`${path}/server-card`, { headers: { Origin: "https://app.example" } });
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe("application/mcp-server-card+json");
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(response.headers.get("Access-Control-Expose-Headers")).toBe("ETag");
    const card = await response.json<ReturnType<typeof describeServer>>();
    expect(checkCard(card)).toMatchObject({ valid: true });
    expect(card.remotes[0]?.url).toBe(`${env.PUBLIC_URL}${path}`);
    expect(card.description.length).toBeLessThanOrEqual(100);
  });

  it("is refused by its schema when a field is wrong, so that the schema is effective", async () => {
    const card = await (await get("/mcp/server-card")).json<object>();
    expect(checkCard({ ...card, name: "no slash" })).toMatchObject({ valid: false });
    expect(checkRegistryEntry({ ...card, name: "no slash" })).toMatchObject({ valid: false });
  });

  it("is sent once: a client with its tag gets 304", async () => {
    const first = await get("/mcp/server-card");
    const tag = first.headers.get("ETag") ?? "";
    expect(first.headers.get("Cache-Control")).toBe("public, max-age=3600");
    expect((await get("/mcp/server-card", { headers: { "If-None-Match": tag } })).status).toBe(304);
    expect((await get("/mcp/crm/server-card", { headers: { "If-None-Match": tag } })).status).toBe(200);
  });

  it("may be requested by a page of another origin, which may do nothing else there", async () => {
    const asked = { Origin: "https://app.example", "Access-Control-Request-Method": "GET" };
    const preflight = await get("/mcp/crm/server-card", { method: "OPTIONS", headers: asked });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("Access-Control-Allow-Methods")).toBe("GET");
    expect((await get("/mcp/nothing/server-card")).status).toBe(404);
  });

  it("matches the name, the version and the revisions of the server behind it", async () => {
    const { result: discovered } = await (await openSession({ server: "crm", lane: "stateless" })).request(
      "server/discover",
    );
    const session = await openSession({ server: "crm", lane: "sessionful" });
    session.sessionId = undefined;
    const software = discovered._meta["io.modelcontextprotocol/serverInfo"];
    const agreed: string[] = [...discovered.supportedVersions];
    for (const protocolVersion of ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2023-01-01"]) {
      const clientInfo = { name: "test", version: "1" };
      const asked = { protocolVersion, capabilities: {}, clientInfo };
      session.headers = { "mcp-protocol-version": protocolVersion };
      if (protocolVersion === "2023-01-01") session.headers = {};
      const { result } = await session.request("initialize", asked);
      if (result?.protocolVersion === protocolVersion) agreed.push(protocolVersion);
    }
    expect(agreed).toEqual([...REVISIONS]);
    const card = await (await get("/mcp/crm/server-card")).json<ReturnType<typeof describeServer>>();
    expect(card).toMatchObject({ title: "CRM", version: software.version });
  });

  it("names its owner by the reversed host name", () => {
    const [everything] = toResources("https://gatehouse.example.com", servers);
    if (everything === undefined) throw new Error("There is no resource.");
    expect(describeServer("https://gatehouse.example.com", everything).name).toBe(
      "com.example.gatehouse/gatehouse",
    );
  });
});

describe("discovery of all servers", () => {
  it("lists the card of every MCP URL in the AI catalogue, and each can be fetched", async () => {
    const response = await get("/.well-known/ai-catalog.json");
    expect(response.headers.get("Content-Type")).toBe("application/ai-catalog+json");
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    const { specVersion, entries } = await response.json<{
      specVersion: string;
      entries: { identifier: string; type: string; url: string }[];
    }>();
    expect(specVersion).toBe("1.0");
    expect(entries.map(({ url }) => url)).toEqual(
      paths.map((path) => `${env.PUBLIC_URL}${path}/server-card`),
    );
    expect(new Set(entries.map(({ identifier }) => identifier)).size).toBe(entries.length);
    for (const { type, url } of entries) {
      expect((await get(url)).headers.get("Content-Type")).toBe(type);
    }
  });

  it("offers a server.json that is valid for the registry's schema", async () => {
    const entry = await (await get("/server.json")).json();
    expect(checkRegistryEntry(entry)).toMatchObject({ valid: true });
    expect(entry).toMatchObject({ remotes: [{ type: "streamable-http", url: `${env.PUBLIC_URL}/mcp` }] });
  });

  it("draws the mark as SVG, PNG and ICO, and an icon for every server", async () => {
    const png = new Uint8Array(await (await get("/logo.png")).arrayBuffer());
    // IHDR: width and height follow the signature and the chunk's header (PNG, §11.2.2).
    const size = new DataView(png.buffer);
    expect([size.getUint32(16), size.getUint32(20)]).toEqual([LOGO_SIZE, LOGO_SIZE]);
    const ico = new Uint8Array(await (await get("/favicon.ico")).arrayBuffer());
    expect([...ico.subarray(0, 6)]).toEqual([0, 0, 1, 0, 1, 0]);
    expect(ico.subarray(22)).toEqual(png);
    for (const path of paths.slice(1)) {
      const icon = await get(`/icons/${path.split("/").at(-1)}.svg`);
      expect(icon.headers.get("Content-Type")).toBe("image/svg+xml");
      expect(await icon.text()).toMatch(/^<svg .*<path d="M/);
    }
  });
});
