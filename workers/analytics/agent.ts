import { openCatalogue } from "../../shared/mcp/catalogue.ts";
import { SessionAgent } from "../../shared/mcp/sessionful.ts";
import { analytics } from "./server.ts";

/** A session of the analytics server, at `/mcp/analytics`. */
export class AnalyticsAgent extends SessionAgent {
  protected override get catalogue() {
    return openCatalogue("analytics", analytics.title, [analytics]);
  }
}
