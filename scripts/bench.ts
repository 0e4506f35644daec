import { type BenchName, benchCommand } from "./bench/options.ts";
import { runScript, type Script } from "./local/command-line.ts";
import { reportFailure } from "./local/failure.ts";

const HELP = `Measures Gatehouse on this machine.

  npm run bench                     cost of a guarded call compared to a bare one (at most five minutes)
  npm run bench -- calls --quick    the same without the share of each step (at most 90 seconds)
  npm run bench -- decide           the policy's decision under 1,000 rules
  npm run bench -- validation       a stateless message read by the usual form, and by the SDK's schemas
  npm run bench -- sessions         10,000 open sessions with a stream each: memory, and a call in each of them
  npm run bench -- memory           whether memory grows with the calls that are served; --peaks: its most
  npm run bench -- hostile          generated hostile messages on both lanes: faults, and how many were tried
  npm run bench -- slow-clients     calls of one client while 350 others send slowly, or 50 send 4 MB each
  npm run bench -- redaction        what the redaction of free text finds, and what it finds by mistake
  npm run bench -- crm              lists and searches of the CRM over 100,000 and 1,000,000 contacts
  npm run bench -- analytics        questions over 100,000, 1,000,000 and 10,000,000 events
  npm run bench -- console          pages of the console over a trail of 1,000,000 records
  npm run bench -- sql-bounds       generated statements for analytics_sql: none may take longer than two seconds
  npm run bench -- languages        searches of the knowledge base in many scripts: how many find their article
  npm run bench -- documents        documents of others that are converted, and which lose words
  npm run bench -- events           10,000 deliveries to a receiver that fails now and then: none lost, none after revocation
  npm run bench -- connections      guarded queries against the bare drivers; one failing system of ten; a million rows
  npm run bench -- start-up         upload and start with and without the drivers and parsers of connections
  npm run bench -- mcp              calls of an MCP server through a connection against direct ones, and what a bad one does
  npm run bench -- poison           what the review of MCP servers finds in poisoned definitions, and in clean ones
  npm run bench -- knowledge        the ranking of the knowledge base on a test collection
  npm run bench -- openapi          vendors' own descriptions: operations, tools, refused ones, answers of generated mocks
  npm run bench -- openapi-import   GitHub's 1,223 operations into a running Gatehouse: time of each step
  npm run bench -- scale            the trail of 5,000 people over 400 days against each documented limit, from measured sizes
  npm run bench -- tool-search      questions over GitHub's 1,222 tools: how often the right one is found, and tokens;
                                    --held-out: over five other systems, on which nothing was tuned

crm, analytics and knowledge print with --plans how the database reaches each answer, and with --markdown a table of both.
`;

const BENCHES: Readonly<Record<BenchName, () => Promise<unknown>>> = {
  calls: () => import("./bench/calls.ts"),
  decide: () => import("./bench/decide.ts"),
  validation: () => import("./bench/validation.ts"),
  sessions: () => import("./bench/sessions.ts"),
  memory: () => import("./bench/memory.ts"),
  hostile: () => import("./bench/hostile.ts"),
  "slow-clients": () => import("./bench/slow-clients.ts"),
  redaction: () => import("./bench/redaction.ts"),
  crm: () => import("./bench/crm.ts"),
  analytics: () => import("./bench/analytics.ts"),
  console: () => import("./bench/console.ts"),
  "sql-bounds": () => import("./bench/sql-bounds.ts"),
  languages: () => import("./bench/languages.ts"),
  documents: () => import("./bench/documents.ts"),
  events: () => import("./bench/events.ts"),
  connections: () => import("./bench/connections.ts"),
  "start-up": () => import("./bench/start-up.ts"),
  mcp: () => import("./bench/mcp.ts"),
  poison: () => import("./bench/poison.ts"),
  knowledge: () => import("./bench/knowledge.ts"),
  openapi: () => import("./bench/openapi.ts"),
  "openapi-import": () => import("./bench/openapi-import.ts"),
  scale: () => import("./bench/scale.ts"),
  "tool-search": () => import("./bench/tool-search.ts"),
};

/** `npm run bench`: without a name, that of the calls. */
export const BENCH: Script = {
  name: "bench",
  help: HELP,
  commands: {
    "": benchCommand("calls", BENCHES.calls),
    ...Object.fromEntries(
      Object.entries(BENCHES).map(([name, start]) => [name, benchCommand(name as BenchName, start)]),
    ),
  },
};

if (import.meta.main) {
  process.env.WRANGLER_SEND_METRICS = "false";
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
  try {
    await runScript(BENCH);
  } catch (failure) {
    process.exitCode = reportFailure(failure);
  }
}
