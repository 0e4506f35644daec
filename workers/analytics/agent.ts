import { SessionAgent } from "../../shared/mcp/sessionful/sessionful.ts";
import { openCatalogue } from "../../shared/server/catalogue.ts";
import { analytics } from "./server.ts";

/** A session of the analytics server, at `/mcp/analytics`. */
export class AnalyticsAgent extends SessionAgent {
  protected override get catalogue() {
    return openCatalogue("analytics", analytics.title, [analytics]);
  }
}
