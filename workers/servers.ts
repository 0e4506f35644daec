import type { SessionHandler } from "../shared/mcp/lane-options.ts";
import type { ServerDefinition } from "../shared/server/define.ts";
import { AnalyticsAgent } from "./analytics/agent.ts";
import { analytics } from "./analytics/server.ts";
import { CrmAgent } from "./crm/agent.ts";
import { crm } from "./crm/server.ts";
import { KnowledgeAgent } from "./knowledge/agent.ts";
import { knowledge } from "./knowledge/server.ts";

/** A server. Its sessions are served by the class that servers share, unless it brings one of its own. */
export interface Registration {
  server: ServerDefinition;
  sessions?: {
    agent: { serve(path: string, options: { binding: string }): SessionHandler };
    /** Name of the class's binding in `wrangler.toml`. */
    binding: keyof Env & string;
  };
}

/** THE REGISTRY: one line per MCP server. */
export const registry: Registration[] = [
  { server: analytics, sessions: { agent: AnalyticsAgent, binding: "ANALYTICS_AGENT" } },
  { server: crm, sessions: { agent: CrmAgent, binding: "CRM_AGENT" } },
  { server: knowledge, sessions: { agent: KnowledgeAgent, binding: "KNOWLEDGE_AGENT" } },
];

/** The registered definitions, in the order in which lists show them. */
export function listServers(): ServerDefinition[] {
  return registry.map((registration) => registration.server);
}

/** The registered definitions. */
export const servers: readonly ServerDefinition[] = listServers();
