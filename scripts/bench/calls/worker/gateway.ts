import { z } from "zod";
import { defineServer, defineTool } from "../../../../shared/server/define.ts";
import { registry } from "../../../../workers/servers.ts";
import { ECHO, work } from "./echo.ts";

const echo = defineTool({
  name: "bench_echo",
  title: ECHO.title,
  description: ECHO.description,
  effect: "read",
  scope: "bench:read",
  input: ECHO.input,
  output: ECHO.output,
  async run({ text, work_ms }) {
    await work(work_ms);
    return { text };
  },
});

/** The deployed Worker with one more server: the bare tool in the real catalogue. Its own URL is not used. */
registry.push({
  server: defineServer({
    name: "bench",
    title: "Bench",
    description: "What the bench calls.",
    instructions: "Made for measuring.",
    scopes: { "bench:read": "Use the bench's tool." },
    baseline: "bench:read",
    defaults: z.object({}),
    store: () => null,
    tools: [echo],
    resources: [],
    prompts: [],
  }),
});

export * from "../../../../workers/index.ts";
export { default } from "../../../../workers/index.ts";
