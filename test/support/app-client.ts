import { Client, type FetchLike, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Browser } from "../../scripts/demo/browser.ts";
import { authorize, discover, registerClient } from "../../scripts/demo/oauth.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE } from "../../scripts/seed/people.ts";

/** Both protocol generations, by the option of the official client. */
const MODES = { sessionful: "legacy", stateless: { pin: "2026-07-28" } } as const;

/** One of the two generations. */
export type Lane = keyof typeof MODES;

/** Role of the app's user, and options of its transport. */
export interface AppOptions {
  lane: Lane;
  /** Role of the demonstration person. */
  role: string;
  fetch?: FetchLike;
}

/**
 * Signs in the app of a demonstration user at an MCP URL, as every client does, and connects the official
 * client.
 */
export async function connectApp(url: string, { lane, role, ...options }: AppOptions) {
  const email = DEMO_PEOPLE.find((person) => person.role === role)?.email ?? "";
  const { discovery } = await discover(url);
  const clientId = await registerClient(discovery, `App of ${role}`);
  const account = { email, password: DEMO_PASSWORD };
  const { accessToken } = await authorize(discovery, clientId, new Browser(), account, () => {});
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: MODES[lane] } });
  const requestInit = { headers: { authorization: `Bearer ${accessToken}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { ...options, requestInit }));
  return { client, accessToken };
}
