import type { ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import type { Connector } from "./connector.ts";

/** The connector of each kind. */
const CONNECTORS: Readonly<Record<ConnectionTarget["entry"]["kind"], () => Promise<Connector>>> = {
  postgresql: async () => (await import("./postgresql/connector.ts")).postgresql,
  mysql: async () => (await import("./mysql/connector.ts")).mysql,
  openapi: async () => (await import("./openapi/connector.ts")).openapi,
  clickhouse: async () => (await import("./clickhouse/connector.ts")).clickhouse,
  mcp: async () => (await import("./mcp/connector.ts")).mcp,
  kafka: async () => (await import("./kafka/connector.ts")).kafka,
  mongodb: async () => (await import("./mongodb/connector.ts")).mongodb,
  opensearch: async () => (await import("./opensearch/connector.ts")).opensearch,
  oracle: async () => (await import("./oracle/connector.ts")).oracle,
  redis: async () => (await import("./redis/connector.ts")).redis,
};

/** The connector for an entry, loaded on first use. */
export function loadConnector({ entry }: Pick<ConnectionTarget, "entry">): Promise<Connector> {
  return CONNECTORS[entry.kind]();
}
