import { SessionAgent } from "../../../shared/mcp/sessionful/sessionful.ts";
import { serverOf } from "../../../shared/objects/session-name.ts";
import { openCatalogueOf } from "../../catalogues.ts";

/** A session of the URL with everything, `/mcp`, and of every server that has no class of its own. */
export class GatewayAgent extends SessionAgent {
  protected override get catalogue() {
    return openCatalogueOf(serverOf(this.name));
  }
}
