import { Browser } from "../../scripts/demo/browser.ts";
import { authorize, discover, giveConsent, registerClient } from "../../scripts/demo/oauth.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE, seedPeople } from "../../scripts/seed/people.ts";
import { type GatewayOptions, type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { findPort } from "./find-port.ts";

/** A running gateway with the fixture behind it. */
export interface FixtureGateway extends GatewayProcess {
  /** The fixture's MCP URL. The front adds a token to requests without one. */
  fixtureUrl: string;
  /** Signs the same user in through another app, and returns that app's token. */
  connectAnotherApp(): Promise<string>;
  /** A public client that is registered for `http://127.0.0.1:<port>/callback`. */
  app: { clientId: string; port: number };
  /** Opens an authorization URL as a user, signs in, consents, and follows the redirect to the client. */
  signIn(authorizationUrl: string): Promise<void>;
}

/**
 * Starts the real gateway with the conformance fixture as one more server. The suite cannot sign in, so this
 * function does, through discovery, registration, sign-in form, consent form and token like any client, and
 * the front adds the token.
 */
export async function startFixtureGateway(vars: GatewayOptions["vars"] = {}): Promise<FixtureGateway> {
  const gateway = await startGateway({
    vars,
    main: "test/conformance/worker.ts",
    agents: [{ binding: "FIXTURE_AGENT", className: "FixtureAgent" }],
    async seed({ PLATFORM_DB }) {
      await seedPeople(PLATFORM_DB, { asOf: new Date(), report: () => {} });
    },
  });
  try {
    const fixtureUrl = `${gateway.url}/mcp/fixture`;
    const { discovery } = await discover(fixtureUrl);
    const account = { email: adminEmail(), password: DEMO_PASSWORD };
    const connect = async (name: string) => {
      const clientId = await registerClient(discovery, name);
      return (await authorize(discovery, clientId, new Browser(), account, () => {})).accessToken;
    };
    gateway.front.lend = { path: "/mcp/fixture", token: await connect("MCP conformance suite") };
    const port = await findPort();
    const callback = `http://127.0.0.1:${port}/callback`;
    const app = { clientId: await registerClient(discovery, "A registered app", callback), port };
    const signIn = async (authorizationUrl: string) => {
      const answer = await giveConsent(authorizationUrl, new Browser(), account, () => {});
      await (await fetch(answer)).body?.cancel();
    };
    const connectAnotherApp = () => connect("Another app");
    return { ...gateway, fixtureUrl, app, signIn, connectAnotherApp };
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
