import { writeFile } from "node:fs/promises";
import path from "node:path";
import { resolveCommand } from "../../../scripts/local/process.ts";
import { makeHome, runAndSignIn, runForJson } from "../command-line.ts";
import type { ProgramUnderTest } from "../program.ts";

/** The command line for MCP servers that agents use from a shell. It does not support prompts. */
export const MCPORTER: ProgramUnderTest = {
  name: "mcporter CLI",
  package: "mcporter",
  revision: "2025-11-25",
  async open(url) {
    const home = await makeHome();
    const script = resolveCommand("mcporter");
    const options = { env: home.env };
    const config = path.join(home.folder, "mcporter.json");
    await writeFile(
      config,
      JSON.stringify({ mcpServers: { gatehouse: { baseUrl: url, auth: "oauth" } }, imports: [] }),
    );
    const run = <Answer>(...args: string[]) =>
      runForJson<Answer>(script, ["--config", config, ...args], options);
    await runAndSignIn(script, ["--config", config, "auth", "gatehouse", "--no-browser"], options);
    return {
      async listTools() {
        const { tools } = await run<{ tools: { name: string }[] }>("list", "gatehouse", "--json");
        return tools.map(({ name }) => name);
      },
      async callTool(name, args) {
        const given = ["--args", JSON.stringify(args), "--output", "json"];
        return await run("call", `gatehouse.${name}`, ...given);
      },
      // Its JSON output is the text of the resource itself, parsed.
      readResource: async (uri) =>
        JSON.stringify(await run("resource", "gatehouse", uri, "--output", "json")),
      close: home.remove,
    };
  },
};
