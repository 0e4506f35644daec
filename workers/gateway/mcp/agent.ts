import { SessionAgent } from "../../../shared/mcp/sessionful/sessionful.ts";
import { openCatalogue } from "../../../shared/server/catalogue.ts";
import { listServers } from "../../servers.ts";

/** A session of the door with everything, at `/mcp`. */
export class GatewayAgent extends SessionAgent {
  protected override get catalogue() {
    return openCatalogue("", "Gatehouse", listServers());
  }
}
