import path from "node:path";
import { startNode } from "./local/process.ts";
import { ROOT } from "./local/root.ts";

// The runner is a test file: it starts a gateway with a server that exists in tests only, and only tests may
// import that server.
const runner = path.join(ROOT, "test/conformance/run.ts");
const child = startNode(runner, process.argv.slice(2), { visible: true });
// The child stops its gateway and then itself; this process ends with it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.once("close", (code) => {
  process.exitCode = code ?? 1;
});
