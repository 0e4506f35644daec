import { openCatalogue } from "../../shared/mcp/catalogue.ts";
import { SessionAgent } from "../../shared/mcp/sessionful.ts";
import { listServers } from "../servers.ts";

/** A session of the door with everything, at `/mcp`. */
export class GatewayAgent extends SessionAgent {
  protected override get catalogue() {
    return openCatalogue("", "Gatehouse", listServers());
  }
}
