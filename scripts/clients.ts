import { resolveCommand, runNode } from "./local/process.ts";

// The tests prove the clients and know the table; this run lets them write it instead of comparing it.
const { code } = await runNode(
  resolveCommand("vitest"),
  ["run", "--config", "vitest.clients.config.ts", "test/clients/matrix.test.ts"],
  { visible: true, env: { GATEHOUSE_WRITE_CLIENTS: "1" } },
);
process.exitCode = code;
