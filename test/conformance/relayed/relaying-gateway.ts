import { Browser } from "../../../scripts/demo/browser.ts";
import { authorize, discover, registerClient } from "../../../scripts/demo/oauth.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE, seedPeople } from "../../../scripts/seed/people.ts";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { approveAll, publishOne } from "../../support/connection-commands.ts";
import { startGateway } from "../../support/gateway-process.ts";
import { startFixtureGateway } from "../fixture-gateway.ts";

/** A running gateway with another one behind it, as a connection: that one serves the conformance fixture. */
export interface RelayingGateway {
  /** The URL of all servers. The front adds a token to requests without one. */
  allUrl: string;
  /** The fixture itself. */
  directUrl: string;
  /** Speaks this generation with the fixture from now on, and offers what it lists there. */
  speak(generation: "2025" | "2026"): Promise<void>;
  readLog(): string[];
  stop(): Promise<void>;
}

/**
 * The connection's name. Names of the fixture begin with it, apart from one, and so do its URIs: they keep both, and the
 * suite finds at the URL of all servers what it looks for.
 */
const CONNECTION = "test";

/** Starts the real gateway, and outside of it a second one that serves the fixture. */
export async function startRelayingGateway(): Promise<RelayingGateway> {
  const fixture = await startFixtureGateway();
  let database: D1Database | undefined;
  const gateway = await startGateway({
    main: "test/conformance/relayed/worker.ts",
    vars: { PLAIN_HTTP_UPSTREAMS: new URL(fixture.fixtureUrl).host },
    async seed({ PLATFORM_DB }) {
      database = PLATFORM_DB;
      await seedPeople(PLATFORM_DB, { asOf: new Date(), report: () => {} });
    },
  }).catch(async (failure: unknown) => {
    await fixture.stop();
    throw failure;
  });
  const stop = async () => {
    await gateway.stop();
    await fixture.stop();
  };
  const commanded = { url: gateway.url, database: database as D1Database };
  const entryOf = (generation: "2025" | "2026") =>
    connectionEntry.parse({
      kind: "mcp",
      title: "Conformance fixture",
      description: "What the official MCP conformance suite calls.",
      owner: "tests",
      reach: { url: fixture.fixtureUrl, generation },
      asks: { person: true, model: true, folders: true },
    });
  const speak = async (generation: "2025" | "2026") => {
    await approveAll(commanded, CONNECTION, entryOf(generation));
    await publishOne(commanded, CONNECTION, entryOf(generation));
  };
  try {
    await speak("2025");
    const allUrl = `${gateway.url}/mcp`;
    const { discovery } = await discover(allUrl);
    const clientId = await registerClient(discovery, "MCP conformance suite");
    const admin = DEMO_PEOPLE.find(({ role }) => role === "admin");
    const account = { email: admin?.email ?? "", password: DEMO_PASSWORD };
    const { accessToken } = await authorize(discovery, clientId, new Browser(), account, () => {});
    gateway.front.lend = { path: "/mcp", token: accessToken };
    return { allUrl, directUrl: fixture.fixtureUrl, speak, stop, readLog: gateway.readLog };
  } catch (failure) {
    await stop();
    throw failure;
  }
}
