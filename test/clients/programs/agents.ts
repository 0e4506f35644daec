import path from "node:path";
import { createTestHarness, type Unstable_RawConfig } from "wrangler";
import { readEnvironment } from "../../../scripts/local/project.ts";
import { ROOT } from "../../../scripts/local/root.ts";
import { allowEverything } from "../person.ts";
import type { ProgramUnderTest } from "../program.ts";
import { readFirstMessage, readStructured, readText } from "../read-answers.ts";
import type { Errand } from "../worker.ts";

/** Cloudflare Agents, with its client in a Durable Object in workerd. */
export const AGENTS: ProgramUnderTest = {
  name: "Cloudflare Agents, `MCPClientManager` in workerd",
  package: "agents",
  revision: "2026-07-28",
  async open(url) {
    const { compatibility_date, compatibility_flags } = readEnvironment("local");
    const config = {
      name: "app",
      main: path.join(ROOT, "test/clients/worker.ts"),
      compatibility_date,
      // An app may fetch Gatehouse on this machine; Gatehouse itself fetches public addresses only.
      compatibility_flags: compatibility_flags.filter((flag) => flag !== "global_fetch_strictly_public"),
      durable_objects: { bindings: [{ name: "APP_AGENT", class_name: "AppAgent" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["AppAgent"] }],
    };
    const harness = createTestHarness({ root: ROOT, workers: [{ config: config as Unstable_RawConfig }] });
    const { url: app } = await harness.listen();
    const send = async <Outcome>(errand: Errand): Promise<Outcome> => {
      const response = await fetch(new URL("/errand", app), { method: "POST", body: JSON.stringify(errand) });
      if (!response.ok) throw new Error(`${errand.do}: ${await response.text()}`);
      return (await response.json()) as Outcome;
    };
    const { authUrl } = await send<{ authUrl: string }>({ do: "connect", url, callbackHost: app.origin });
    const back = await fetch(await allowEverything(new URL(authUrl)), { redirect: "manual" });
    await back.body?.cancel();
    return {
      listTools: () => send({ do: "list" }),
      callTool: async (name, args) => readStructured(await send({ do: "call", name, args })),
      readResource: async (uri) =>
        readText((await send<{ contents: object[] }>({ do: "read", uri })).contents),
      getPrompt: async (name, args) => readFirstMessage(await send({ do: "prompt", name, args })),
      close: () => harness.close(),
    };
  },
};
