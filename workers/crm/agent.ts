import { SessionAgent } from "../../shared/mcp/sessionful/sessionful.ts";
import { openCatalogue } from "../../shared/server/catalogue.ts";
import { crm } from "./server.ts";

/** A session of the crm server, at `/mcp/crm`. */
export class CrmAgent extends SessionAgent {
  protected override get catalogue() {
    return openCatalogue("crm", crm.title, [crm]);
  }
}
