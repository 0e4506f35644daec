import { inspectAccount } from "../../scripts/deploy/inspect.ts";
import { planDeployment } from "../../scripts/deploy/plan.ts";
import { runSteps } from "../../scripts/deploy/run-steps.ts";
import { readTarget } from "../../scripts/deploy/target.ts";
import { reportFailure } from "../../scripts/local/failure.ts";

// A deployment of production as `npm run deploy` carries it out, to the account that the environment variables name
// and with the public address in the first argument: the one in wrangler.toml is an example until it is configured.
// The second argument is the domain to attach, empty for none. Further arguments name secrets to rotate.
const [publicUrl = "", domain = "", ...rotate] = process.argv.slice(2);
const target = { ...readTarget("production"), publicUrl, domain: domain === "" ? null : domain };
try {
  await runSteps(planDeployment(target, await inspectAccount(target), rotate));
} catch (failure) {
  process.exitCode = reportFailure(failure);
}
