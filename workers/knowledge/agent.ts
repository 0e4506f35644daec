import { SessionAgent } from "../../shared/mcp/sessionful/sessionful.ts";
import { openCatalogue } from "../../shared/server/catalogue.ts";
import { knowledge } from "./server.ts";

/** A session of the knowledge server, at `/mcp/knowledge`. */
export class KnowledgeAgent extends SessionAgent {
  protected override get catalogue() {
    return openCatalogue("knowledge", knowledge.title, [knowledge]);
  }
}
