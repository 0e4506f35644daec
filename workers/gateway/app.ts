import { Hono } from "hono";
import { accountRoutes } from "./account/routes.tsx";
import { requestRoutes } from "./admin-jobs/routes.ts";
import { approvalRoutes } from "./approvals/routes.tsx";
import { authorizeRoutes } from "./authorize/routes.tsx";
import { connectionRoutes } from "./connections/routes.ts";
import { consoleRoutes } from "./console/routes.tsx";
import { discoveryRoutes } from "./discovery/routes.ts";
import { requireConfiguration, requireHost, requireOwnForm } from "./entrance.ts";
import { answerFailure, answerNotFound } from "./failures.tsx";
import { fileRoutes } from "./files/routes.ts";
import { healthRoutes } from "./health/health.ts";
import { keyRoutes } from "./keys/routes.tsx";
import { directLostClients } from "./mcp/lost-clients.ts";
import { metricsRoutes } from "./metrics/routes.ts";
import { protocolRoutes } from "./oauth/protocol.ts";
import { ownConnectionRoutes } from "./own-connections/routes.tsx";
import { ownSubscriptionRoutes } from "./own-subscriptions/routes.tsx";
import { pageRoutes } from "./pages.tsx";
import { passkeyRoutes } from "./passkeys/routes.tsx";
import { passwordLinkRoutes } from "./password-links/routes.tsx";
import { scimRoutes } from "./scim/entrance.ts";
import { lendFactorRoutes } from "./second-factor/lend-factor.tsx";
import { secondFactorRoutes } from "./second-factor/routes.tsx";
import { secureHeaders } from "./security-headers.ts";
import { signInRoutes } from "./sign-in/routes.tsx";
import { singleSignOnRoutes } from "./single-sign-on/routes.tsx";
import { trailSegmentRoutes } from "./trail-segments/routes.ts";

/**
 * Gatehouse's public routes, in the order of a request: security headers, health, checks of configuration and
 * host, then discovery, OAuth and MCP for programs, then the pages for people.
 */
export const app = new Hono<{ Bindings: Env }>();

app.onError(answerFailure);
app.notFound(answerNotFound);

app.use(secureHeaders);
app.route("/", healthRoutes);
app.use(requireConfiguration, requireHost);
app.route("/", metricsRoutes);
app.route("/", discoveryRoutes);
app.route("/", protocolRoutes);
app.route("/", requestRoutes);
app.route("/", connectionRoutes);
app.route("/", trailSegmentRoutes);
app.route("/", scimRoutes);
app.route("/", fileRoutes);
app.use(directLostClients);
app.use(requireOwnForm);
app.route("/", pageRoutes);
app.route("/", signInRoutes);
app.route("/", singleSignOnRoutes);
app.route("/", passkeyRoutes);
app.route("/", passwordLinkRoutes);
app.route("/", secondFactorRoutes);
app.route("/", lendFactorRoutes);
app.route("/", authorizeRoutes);
app.route("/", accountRoutes);
app.route("/", keyRoutes);
app.route("/", ownConnectionRoutes);
app.route("/", ownSubscriptionRoutes);
app.route("/", approvalRoutes);
app.route("/", consoleRoutes);
