import { openCatalogue } from "../../shared/mcp/catalogue.ts";
import { SessionAgent } from "../../shared/mcp/sessionful.ts";
import { knowledge } from "./server.ts";

/** A session of the knowledge server, at `/mcp/knowledge`. */
export class KnowledgeAgent extends SessionAgent {
  protected override get catalogue() {
    return openCatalogue("knowledge", knowledge.title, [knowledge]);
  }
}
