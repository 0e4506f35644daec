import { inspectAccount } from "../../scripts/deploy/inspect.ts";
import { FRESH_ACCOUNT, planDeployment } from "../../scripts/deploy/plan.ts";
import { runSteps } from "../../scripts/deploy/run-steps.ts";
import { readTarget } from "../../scripts/deploy/target.ts";
import { reportFailure } from "../../scripts/local/failure.ts";

// A deployment of production as `npm run deploy` carries it out, to the account that the environment variables name
// and with the public address in the first argument: the one in wrangler.toml is an example until it is configured.
// The second argument is the domain to attach, empty for none. Further arguments name secrets to rotate: the last steps
// alone are carried out then. With UPLOAD_ONLY in the environment the account has all but the Worker, and is not looked
// through for it.
const [publicUrl = "", domain = "", ...rotate] = process.argv.slice(2);
const uploadsOnly = process.env.UPLOAD_ONLY === "1";
const target = { ...readTarget("production"), publicUrl, domain: domain === "" ? null : domain };
try {
  const steps = planDeployment(target, uploadsOnly ? FRESH_ACCOUNT : await inspectAccount(target), rotate);
  // A rotation differs in its upload alone.
  const begin =
    uploadsOnly || rotate.length > 0 ? steps.findIndex(({ title }) => title.startsWith("Deploy ")) : 0;
  await runSteps(steps.slice(begin));
} catch (failure) {
  process.exitCode = reportFailure(failure);
}
