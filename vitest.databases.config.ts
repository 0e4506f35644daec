import path from "node:path";
import { defineConfig } from "vitest/config";
import { type DatabaseServers, startDatabaseServers } from "./scripts/databases/debian-servers.ts";

/** Tests of connections: in the Workers runtime, against database servers of this machine. */
export default defineConfig(async () => {
  const { certificates, folder, ...servers } = await startDatabaseServers();
  // The emulator reads at its import which authorities the runtime trusts, so that nothing may import it before. Named
  // by an expression: what the config loader finds by itself it imports at the top.
  process.env.NODE_EXTRA_CA_CERTS = certificates.authority;
  const { runInWorkers } = await load<typeof import("./test/support/in-workers.ts")>("in-workers.ts");
  const { startMongodbShop } =
    await load<typeof import("./test/support/mongodb-double.ts")>("mongodb-double.ts");
  const { startMongodbHeld } = await load<typeof import("./test/support/mongodb-held.ts")>("mongodb-held.ts");
  const { startKafkaMock } = await import("./scripts/databases/kafka-mock.ts");
  const kafka = await startKafkaMock(["orders", "private", "packed"]);
  const { startOracleListener } =
    await load<typeof import("./test/support/oracle-listener.ts")>("oracle-listener.ts");
  const { oracleShop } = await load<typeof import("./test/support/oracle-shop.ts")>("oracle-shop.ts");
  const shop = oracleShop("only-reads-4711");
  const [plain, secure] = await Promise.all([
    startOracleListener(undefined, shop),
    startOracleListener(certificates, shop),
  ]);
  const oracle = { port: plain.port, tlsPort: secure.port };
  const { startTlsDoubles } = await import("./scripts/databases/tls-doubles.ts");
  const tls = await startTlsDoubles(certificates.faulty);
  const { startKiller } = await import("./scripts/databases/killer.ts");
  const killer = await startKiller(folder, certificates);
  const { startSilentServer } = await import("./scripts/databases/silent-server.ts");
  const silent = await startSilentServer();
  const mongodb = (await startMongodbShop()).port;
  const heldMongodb = await startMongodbHeld();
  const { startCountingFront } = await import("./scripts/databases/counting-front.ts");
  const counted =
    servers.mariadb === null ? null : await startCountingFront(servers.mariadb.host, servers.mariadb.port);
  const doubles = { killer, silent, mongodb, heldMongodb, counted, kafka, oracle, tls };

  return runInWorkers(
    {
      bindings: { TEST_SERVERS: servers, TEST_DOUBLES: doubles },
      hyperdrives: hyperdrivesOf(servers),
      secretsStoreSecrets: { HELD_PASSWORD: { store_id: "tests", secret_name: "held-password" } },
    },
    {
      // One after the other: the files share servers, and change accounts and databases there.
      maxWorkers: 1,
      fileParallelism: false,
      include: ["test/connections/databases/**/*.test.ts"],
    },
  );
});

/** Hyperdrive of the emulator, in front of databases that a test makes. */
function hyperdrivesOf({ postgresql, mariadb }: Omit<DatabaseServers, "certificates" | "folder">) {
  const placeOf = ({ host, port }: { host: string; port: number }) =>
    `bound:only-reads-4711@${host}:${port}/bound`;
  return {
    ...(postgresql !== null && { BOUND_POSTGRESQL: `postgres://${placeOf(postgresql)}` }),
    ...(mariadb !== null && { BOUND_MARIADB: `mysql://${placeOf(mariadb)}` }),
  };
}

function load<Module>(name: string): Promise<Module> {
  return import(path.join(import.meta.dirname, "test/support", name));
}
