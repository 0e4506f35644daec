import { runAlone } from "./local/command-line.ts";
import { resolveCommand, runNode } from "./local/process.ts";

await runAlone("clients", "npm run clients    runs the official clients, and writes the table", async () => {
  // The tests run the clients and compare the table; this run writes the table instead.
  const { code } = await runNode(
    resolveCommand("vitest"),
    ["run", "--config", "vitest.clients.config.ts", "test/clients/matrix.test.ts"],
    { visible: true, env: { GATEHOUSE_WRITE_CLIENTS: "1" } },
  );
  process.exitCode = code;
});
