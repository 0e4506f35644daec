import { beforeAll, describe, expect, it, vi } from "vitest";
import { VIEW_EXTENSION, VIEW_TYPE } from "../../shared/server/view.ts";
import { publish } from "../support/publish.ts";
import { LANES, openSession } from "../support/session.ts";

/** Capabilities of a client with MCP Apps (SEP-1865). */
const WITH_VIEWS = { extensions: { [VIEW_EXTENSION]: { mimeTypes: [VIEW_TYPE] } } };

interface Listed {
  name: string;
  _meta?: { ui?: { resourceUri?: string } };
}

const viewsOf = (tools: Listed[]) =>
  new Map(tools.flatMap(({ name, _meta }) => (_meta?.ui ? [[name, _meta.ui.resourceUri]] : [])));

/** The hash of an inline text in a policy (CSP 3, «Valid Hashes»). */
async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
}

describe.each(LANES)("an interactive view on the %s lane", (lane) => {
  it("is named by its tools for a client that supports views, and by none for any other", async () => {
    const shows = await openSession({ server: "", lane, capabilities: WITH_VIEWS });
    expect(viewsOf(await shows.listTools()).get("analytics_query")).toBe("ui://analytics/chart");
    for (const extensions of [
      undefined,
      {},
      { [VIEW_EXTENSION]: {} },
      { [VIEW_EXTENSION]: { mimeTypes: "x" } },
    ]) {
      const other = await openSession({
        server: "",
        lane,
        capabilities: { ...(extensions && { extensions }) },
      });
      expect([...viewsOf(await other.listTools())]).toEqual([]);
    }
  });

  it("is announced by the server under the extension's name", async () => {
    const session = await openSession({ server: "analytics", lane, capabilities: WITH_VIEWS });
    const method = lane === "sessionful" ? "initialize" : "server/discover";
    session.sessionId = undefined;
    const { result } = await session.request(method, {
      ...(lane === "sessionful" && {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "test", version: "1" },
      }),
    });
    expect(result.capabilities.extensions).toMatchObject({ [VIEW_EXTENSION]: {} });
  });

  it("is one document that loads nothing and runs only its own script, equal for every role", async () => {
    const session = await openSession({
      server: "",
      lane,
      as: "vera",
      role: "viewer",
      capabilities: WITH_VIEWS,
    });
    const uris = new Set(viewsOf(await session.listTools()).values());
    expect(uris.size).toBeGreaterThan(0);
    for (const uri of uris) {
      const [view] = await session.readResource(uri as string);
      expect(view).toMatchObject({ uri, mimeType: VIEW_TYPE });
      expect(view._meta.ui.csp).toEqual({ connectDomains: [], resourceDomains: [] });
      const [, policy = ""] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(view.text) ?? [];
      const [, style = ""] = /<style>(.*?)<\/style>/s.exec(view.text) ?? [];
      const [, script = ""] = /<script>(.*?)<\/script>/s.exec(view.text) ?? [];
      expect(policy.split("; ")).toEqual([
        "default-src 'none'",
        `script-src ${await hashOf(script)}`,
        `style-src ${await hashOf(style)}`,
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
      ]);
      expect(script).not.toMatch(
        /\beval\(|new Function|innerHTML|https?:\/\/(?!www\.w3\.org\/2000\/svg|\$\{)/,
      );
    }
  });
});

describe.each(LANES)("a view that a role may not read, on the %s lane", (lane) => {
  beforeAll(async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    await publish(({ roles }) => {
      for (const role of Object.values(roles)) role.denied_resources = ["analytics_chart"];
    });
    // The maximum time that an isolate uses a cached policy.
    vi.setSystemTime(Date.now() + 30_000);
  });

  it("is neither listed nor named by its tools nor readable", async () => {
    const session = await openSession({ server: "analytics", lane, capabilities: WITH_VIEWS });
    expect([...viewsOf(await session.listTools())]).toEqual([]);
    const listed: { uri: string }[] = await session.listResources();
    expect(listed.map(({ uri }) => uri)).not.toContain("ui://analytics/chart");
    const { error } = await session.request("resources/read", { uri: "ui://analytics/chart" });
    expect(JSON.stringify(error)).toContain("forbidden");
  });
});
