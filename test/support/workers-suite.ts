import type { ViteUserConfig } from "vitest/config";
import { readEnvironment } from "../../scripts/local/project.ts";
import { startReceiver } from "./event-receiver.ts";
import { HOSTILE_SECRET, startHostileIssuer } from "./hostile-issuer.ts";
import { runInWorkers } from "./in-workers.ts";
import { ISSUER_SECRET, startIssuer } from "./issuers.ts";
import { startUpstream } from "./upstream-server.ts";

/**
 * Tests whose files share a runtime, which saves two seconds a file. A file of them begins with empty databases
 * (migrate.ts) and lifted limits (limits.ts); what else others left is of other people, so that a file asks for
 * what its own people see, and counts nothing that all people share.
 */
export const IN_SHARED_RUNTIME = ["test/analytics/**", "test/crm/**", "test/knowledge/**"];

/** The configuration of a suite whose tests run in the Workers runtime, with the servers that they call. */
export async function workersSuite(files: ViteUserConfig["test"]): Promise<ViteUserConfig> {
  const upstream = await startUpstream();
  const callback = `${readEnvironment("local").vars.PUBLIC_URL}/sign-in/with/corp/callback`;
  const [{ issuer }, { origin }, rotating] = await Promise.all([
    startIssuer([callback]),
    startHostileIssuer(),
    // Its keys change, which the other one, shared by test files, must not.
    startHostileIssuer(),
  ]);
  const receiver = await startReceiver();
  return runInWorkers(
    {
      // Under a name of its own: code over tools is off, except in the tests that switch it on.
      workerLoaders: { TEST_CODE_LOADER: {} },
      // Without a sender it sends nothing; the tests that name one use it.
      email: { send_email: [{ name: "EMAIL" }] },
      bindings: {
        // The last one is a port where no process listens.
        PLAIN_HTTP_UPSTREAMS: `${upstream.host} 127.0.0.1:1`,
        TEST_RECEIVER: receiver.origin,
        TEST_ISSUER: issuer,
        TEST_HOSTILE_ISSUER: origin,
        TEST_ROTATING_ISSUER: rotating.origin,
        SCIM_TOKEN: "test-only-scim-token-0123456789abcdef",
        SSO_CORP_SECRET: ISSUER_SECRET,
        SSO_EVIL_SECRET: HOSTILE_SECRET,
        SSO_HUB_SECRET: HOSTILE_SECRET,
      },
    },
    {
      // Bundled once, or every test file would load hundreds of small modules again.
      deps: {
        optimizer: {
          ssr: {
            enabled: true,
            include: ["fast-check", "better-auth/crypto"],
            rolldownOptions: { external: [/^(node|cloudflare):/, "path", "os", "crypto"] },
          },
        },
      },
      ...files,
    },
  );
}
