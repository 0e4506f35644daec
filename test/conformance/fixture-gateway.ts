import { Browser } from "../../scripts/demo/browser.ts";
import { authorize, discover, registerClient } from "../../scripts/demo/oauth.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE, seedPeople } from "../../scripts/seed/people.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";

/** A running gateway with the fixture behind it. */
export interface FixtureGateway extends GatewayProcess {
  /** The fixture's MCP URL. Requests to it without a token are lent one. */
  fixtureUrl: string;
}

/**
 * Starts the real gateway with the conformance fixture as one more server. The suite cannot sign in, so this does:
 * discovery, registration, sign-in form, consent form and token, as every client, and then lends the token.
 */
export async function startFixtureGateway(): Promise<FixtureGateway> {
  const gateway = await startGateway({
    main: "test/conformance/worker.ts",
    agents: [{ binding: "FIXTURE_AGENT", className: "FixtureAgent" }],
    async seed({ PLATFORM_DB }) {
      await seedPeople(PLATFORM_DB, { asOf: new Date(), report: () => {} });
    },
  });
  try {
    const fixtureUrl = `${gateway.url}/mcp/fixture`;
    const { discovery } = await discover(fixtureUrl);
    const clientId = await registerClient(discovery, "MCP conformance suite");
    const account = { email: adminEmail(), password: DEMO_PASSWORD };
    const { accessToken } = await authorize(discovery, clientId, new Browser(), account, () => {});
    gateway.front.lend = { path: "/mcp/fixture", token: accessToken };
    return { ...gateway, fixtureUrl };
  } catch (failure) {
    await gateway.stop();
    throw failure;
  }
}

function adminEmail(): string {
  const admin = DEMO_PEOPLE.find(({ role }) => role === "admin");
  if (admin === undefined) throw new Error("There is no demo person with the role admin.");
  return admin.email;
}
