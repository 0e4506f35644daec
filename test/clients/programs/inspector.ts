import { resolveCommand } from "../../../scripts/local/process.ts";
import { makeHome, runAndSignIn, runForJson } from "../command-line.ts";
import type { ProgramUnderTest } from "../program.ts";
import { readFirstMessage, readStructured, readText } from "../read-answers.ts";

type Answer = Record<string, unknown>;

/** The official Inspector on the command line. One invocation is one connection and one method. */
export function inspector(era: "legacy" | "modern"): ProgramUnderTest {
  return {
    name: `MCP Inspector CLI, \`--protocol-era ${era}\``,
    package: "@modelcontextprotocol/inspector",
    revision: era === "legacy" ? "2025-11-25" : "2026-07-28",
    async open(url) {
      const home = await makeHome();
      const script = resolveCommand("@modelcontextprotocol/inspector", "mcp-inspector");
      const target = ["--cli", url, "--transport", "http", "--protocol-era", era, "--quiet"];
      const settings = {
        // Otherwise it requires a terminal for the sign-in,
        MCP_AUTO_OPEN_ENABLED: "true",
        // and stores the token in the developer's keychain, or nowhere.
        MCP_INSPECTOR_SECRET_STORE: "file",
      };
      const options = { env: { ...home.env, ...settings } };
      const first = await runAndSignIn(script, [...target, "--method", "tools/list"], options);
      const inspect = (method: string, args: readonly string[] = []) =>
        runForJson<Answer>(script, [...target, "--method", method, ...args], options);
      return {
        // The first invocation signed in; its list is part of the proof.
        listTools: async () =>
          (JSON.parse(first) as { tools: { name: string }[] }).tools.map(({ name }) => name),
        callTool: async (name, args) =>
          readStructured(
            await inspect("tools/call", ["--tool-name", name, "--tool-args-json", JSON.stringify(args)]),
          ),
        readResource: async (uri) =>
          readText((await inspect("resources/read", ["--uri", uri])).contents as object[]),
        async getPrompt(name, args) {
          const pairs = Object.entries(args).flatMap(([key, value]) => ["--prompt-args", `${key}=${value}`]);
          return readFirstMessage(await inspect("prompts/get", ["--prompt-name", name, ...pairs]));
        },
        close: home.remove,
      };
    },
  };
}
