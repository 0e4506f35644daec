import { listLoaders } from "../../scripts/local/demonstration.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";

/**
 * Starts the deployed gateway, with the demonstration users and a small part of the data.
 *
 * @param more - what a test adds to that
 */
export function startDemoGateway(
  more: (env: Env) => Promise<void> = async () => {},
): Promise<GatewayProcess> {
  return startGateway({
    async seed(env) {
      const databases: Record<string, D1Database> = {
        PLATFORM_DB: env.PLATFORM_DB,
        ANALYTICS_DB: env.ANALYTICS_DB,
        CRM_DB: env.CRM_DB,
        KNOWLEDGE_DB: env.KNOWLEDGE_DB,
      };
      for (const [binding, loader] of Object.entries(listLoaders({ contacts: 300, events: 5_000 }))) {
        const database = databases[binding];
        if (database === undefined) throw new Error(`Nothing to load ${loader.what} into.`);
        await loader.load(database, () => {}, env.MEDIA);
      }
      await more(env);
    },
  });
}
