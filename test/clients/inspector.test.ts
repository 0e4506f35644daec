import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Browser } from "../../scripts/demo/browser.ts";
import { authorize, discover, registerClient } from "../../scripts/demo/oauth.ts";
import { resolveCommand, runNode } from "../../scripts/local/process.ts";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import type { GatewayProcess } from "../support/gateway-process.ts";
import { startDemoGateway } from "./demo-gateway.ts";
import { doTheJob } from "./job.ts";
import { readFirstMessage, readStructured, readText } from "./read-answers.ts";

describe("the command line of MCP Inspector", () => {
  let gateway: GatewayProcess;
  let home: string;
  let token: string;

  beforeAll(async () => {
    gateway = await startDemoGateway();
    home = await mkdtemp(path.join(os.tmpdir(), "gatehouse-inspector-"));
    const { discovery } = await discover(`${gateway.url}/mcp`);
    const clientId = await registerClient(discovery, "Inspector test");
    const account = { email: "admin@gatehouse.example", password: DEMO_PASSWORD };
    ({ accessToken: token } = await authorize(discovery, clientId, new Browser(), account, () => {}));
  });

  afterAll(async () => {
    await gateway?.stop();
    if (home !== undefined) await rm(home, { recursive: true, force: true });
  });

  /** One invocation: one method, one line of JSON. */
  async function inspect(method: string, args: readonly string[] = [], bearer = token) {
    const script = resolveCommand("@modelcontextprotocol/inspector", "mcp-inspector");
    const target = [
      `${gateway.url}/mcp`,
      "--transport",
      "http",
      "--header",
      `Authorization: Bearer ${bearer}`,
    ];
    const { code, stdout, stderr } = await runNode(
      script,
      ["--cli", ...target, "--method", method, ...args],
      {
        env: { HOME: home },
      },
    );
    if (code !== 0) throw new Error(`Inspector ended with ${code}: ${stderr}${stdout}`);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  test("does the whole job", async () => {
    await doTheJob({
      listTools: async () => {
        const { tools } = (await inspect("tools/list")) as { tools: { name: string }[] };
        return tools.map(({ name }) => name);
      },
      async callTool(name, args) {
        const pairs = Object.entries(args).flatMap(([key, value]) => ["--tool-arg", `${key}=${value}`]);
        return readStructured(await inspect("tools/call", ["--tool-name", name, ...pairs]));
      },
      readResource: async (uri) =>
        readText((await inspect("resources/read", ["--uri", uri])).contents as object[]),
      async getPrompt(name, args) {
        const pairs = Object.entries(args).flatMap(([key, value]) => ["--prompt-args", `${key}=${value}`]);
        return readFirstMessage(await inspect("prompts/get", ["--prompt-name", name, ...pairs]));
      },
    });
  });

  test("is told to sign in when its token is not one", async () => {
    await expect(inspect("tools/list", ["--stored-auth-only"], "not-a-token")).rejects.toThrow(
      "auth_required",
    );
  });
});
