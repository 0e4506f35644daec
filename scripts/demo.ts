import { at, Unavailable } from "./demo/answer.ts";
import { Browser } from "./demo/browser.ts";
import { SCENES, type Scene } from "./demo/job.ts";
import { authorize, discover, registerClient, type Token } from "./demo/oauth.ts";
import { GENERATIONS, openSession } from "./demo/session.ts";
import { command, runScript } from "./local/command-line.ts";
import { CommandFailure, reportFailure } from "./local/failure.ts";
import { endWithReader } from "./local/output.ts";
import { parsePort } from "./local/port.ts";
import { findServer } from "./local/running-server.ts";
import { DEMO_PASSWORD } from "./seed/people.ts";

const HELP = `Plays the main job as a real client would, in both protocol generations, against a running Gatehouse.

  npm run demo      at the Gatehouse that runs on this machine's storage, or at PORT or GATEHOUSE_URL of the environment
`;

const ACCOUNT = { email: "sales@gatehouse.example", password: DEMO_PASSWORD };

/** `npm run demo`. */
export const DEMO = { name: "demo", help: HELP, commands: { "": command({ takes: {} }, main) } };

if (import.meta.main) {
  endWithReader();
  try {
    await runScript(DEMO);
  } catch (failure) {
    process.exitCode = reportFailure(failure);
  }
}

/** The server on the requested port; without a port, the one that the storage notes. */
function findLocal(port: string | undefined): string {
  const running = port === undefined || port === "" ? findServer(undefined) : null;
  return running ?? `http://localhost:${parsePort(port)}`;
}

async function main(): Promise<void> {
  const base = (process.env.GATEHOUSE_URL ?? findLocal(process.env.PORT)).replace(/\/$/, "");
  await requireServer(base);
  const began = performance.now();
  console.log(`Gatehouse demo, as ${ACCOUNT.email}, at ${base}`);
  const scenes = await chooseScenes(base);
  const tokens = await connect(base, scenes);
  await showAudience(base, tokens);
  const used = new Set<string>();
  let calls = 0;
  for (const generation of GENERATIONS) {
    for (const scene of scenes) {
      const url = base + scene.path;
      const session = await openSession(generation, url, tokenFor(tokens, url).accessToken);
      heading(`${generation} (${session.protocol}) ${scene.path}: ${scene.title}`);
      try {
        const tools = await session.listTools();
        console.log(`  tools/list → ${tools.length} tools`);
        await scene.play(async (tool, args, show) => {
          console.log(`  → ${tool} ${JSON.stringify(args)}`);
          const { isError, data } = await session.call(tool, args);
          if (isError && scene.isOptional && at(data, "error", "code") === "unavailable") {
            throw new Unavailable(String(at(data, "error", "message")));
          }
          if (isError) throw new Error(`${tool} failed: ${at(data, "error", "message")}`);
          console.log(`  ← ${show(data)}`);
          used.add(tool);
          calls += 1;
          return data;
        }, session.protocol);
      } catch (failure) {
        if (!(failure instanceof Unavailable)) throw failure;
        console.log(`  left out: ${failure.message}`);
      } finally {
        await session.close();
      }
    }
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  heading(
    `Done: ${GENERATIONS.length} generations, ${scenes.length} URLs, ${used.size} different tools, ${calls} calls in ${seconds} s`,
  );
}

/** The scenes that this Gatehouse can play. */
async function chooseScenes(base: string): Promise<Scene[]> {
  const chosen: Scene[] = [];
  for (const scene of SCENES) {
    const answer = scene.isOptional && (await fetch(base + scene.path, { method: "POST" }));
    if (answer) await answer.body?.cancel();
    if (answer && answer.status === 404) console.log(`Without ${scene.path}, which it does not serve.`);
    else chosen.push(scene);
  }
  return chosen;
}

/** Gets one token per URL: every URL is an OAuth resource of its own. */
async function connect(base: string, scenes: readonly Scene[]): Promise<Map<string, Token>> {
  const browser = new Browser();
  const tokens = new Map<string, Token>();
  let clientId: string | null = null;
  for (const { path } of scenes) {
    const url = base + path;
    heading(`Connect to ${path}`);
    const { challenge, discovery } = await discover(url);
    console.log(`  without a token → 401 ${challenge}`);
    console.log(`  tokens for ${discovery.resource} come from ${discovery.issuer}`);
    if (clientId === null) {
      clientId = await registerClient(discovery, "Gatehouse demo");
      console.log(`  registered as client ${clientId}`);
    }
    const token = await authorize(discovery, clientId, browser, ACCOUNT, (text) => console.log(`  ${text}`));
    console.log(`  token for ${token.expiresIn} s: ${token.scope}`);
    tokens.set(url, token);
  }
  return tokens;
}

/** Shows that a token for one URL is invalid at another (RFC 8707). */
async function showAudience(base: string, tokens: Map<string, Token>): Promise<void> {
  heading("A token opens one door only");
  const { accessToken } = tokenFor(tokens, `${base}/mcp/crm`);
  const response = await fetch(`${base}/mcp/knowledge`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${accessToken}`,
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
  });
  await response.body?.cancel();
  console.log(`  the token for /mcp/crm at /mcp/knowledge → ${response.status}`);
  if (response.status !== 401) throw new Error("A token for another resource must be refused with 401.");
}

async function requireServer(base: string): Promise<void> {
  const response = await fetch(`${base}/health`, { signal: AbortSignal.timeout(10_000) }).catch(() => null);
  await response?.body?.cancel();
  if (response?.ok === true) return;
  throw new CommandFailure(
    `No Gatehouse answers at ${base}.`,
    "Start it first, in another terminal: npm start — or say where it is: GATEHOUSE_URL=http://localhost:9000 npm run demo",
  );
}

function tokenFor(tokens: Map<string, Token>, url: string): Token {
  const token = tokens.get(url);
  if (token === undefined) throw new Error(`There is no token for ${url}.`);
  return token;
}

function heading(text: string): void {
  console.log(`\n── ${text}`);
}
