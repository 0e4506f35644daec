import { resolveCommand, runNode } from "./local/process.ts";

// The tests run the clients and compare the table; this run writes the table instead.
const { code } = await runNode(
  resolveCommand("vitest"),
  ["run", "--config", "vitest.clients.config.ts", "test/clients/matrix.test.ts"],
  { visible: true, env: { GATEHOUSE_WRITE_CLIENTS: "1" } },
);
process.exitCode = code;
