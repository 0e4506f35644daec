import { parseKnownRequest } from "../../shared/mcp/stateless/stateless-request.ts";
import { allowWorkerModules } from "../check/worker-modules.ts";
import { percentile } from "./calls/statistics.ts";

const ROUNDS = 20;
const MESSAGES = 500;
const REVISION = "2026-07-28";

allowWorkerModules();
const { openCatalogueOf } = await import("../../workers/catalogues.ts");
const { createSdkValidator } = await import("../../shared/mcp/stateless/sdk-validation.ts");

const body = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: {
    name: "crm_list_tasks",
    arguments: {},
    _meta: {
      "io.modelcontextprotocol/protocolVersion": REVISION,
      "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    },
  },
};
const headers = new Headers({
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  "mcp-protocol-version": REVISION,
  "mcp-method": "tools/call",
  "mcp-name": "crm_list_tasks",
});
const request = () => new Request("https://gatehouse.example.com/mcp/crm", { method: "POST", headers });
const refused = async (): Promise<never> => {
  throw new TypeError("No message of this bench has state.");
};
const validate = createSdkValidator(openCatalogueOf("crm"));
const bySdk = () => validate(request(), body, { mint: refused, verify: refused });

// The first message of an envelope, which the SDK accepts, opens the fast path.
if ((await bySdk()) instanceof Response) throw new Error("The SDK refused the message.");
if (parseKnownRequest(headers, body) === null) throw new Error("The fast path does not take the message.");

for (const [what, work] of [
  ["without the SDK", async () => void parseKnownRequest(request().headers, body)],
  ["by the SDK", bySdk],
] as const) {
  const rounds: number[][] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const times: number[] = [];
    for (let message = 0; message < MESSAGES; message += 1) {
      const begun = performance.now();
      await work();
      times.push(performance.now() - begun);
    }
    rounds.push(times);
  }
  // A message takes less than a scheduler's slice: the fastest round has the fewest interruptions.
  const [quietest = []] = rounds.sort((one, other) => percentile(one, 0.5) - percentile(other, 0.5));
  const figures = ([0.5, 0.95] as const).map(
    (share) => `p${share * 100} ${percentile(quietest, share).toFixed(3)} ms`,
  );
  console.log(`a tools/call validated ${what}: ${figures.join(", ")} (quietest of ${ROUNDS} × ${MESSAGES})`);
}
