import { isDeepStrictEqual } from "node:util";
import { formatMistake } from "../../shared/policy/changes/read-policy.ts";
import { loadCases, loadPolicy, POLICY_FILES, readText, writtenFiles } from "../policy/files.ts";
import type { Check } from "./definition.ts";

/** Checks that the deployed policy is valid, passes its cases, and equals `policy.yaml`. */
export const policy: Check = {
  name: "policy",
  ensures: "the policy is valid, its cases pass, and policy.json and policy.schema.json are what it says",
  async run() {
    const loaded = await loadPolicy(POLICY_FILES.policy);
    if (loaded.mistakes.length > 0)
      return { summary: "not valid", findings: loaded.mistakes.map(formatMistake) };
    const cases = await loadCases(POLICY_FILES.cases, loaded);
    const stale = await Promise.all(
      writtenFiles(loaded).map(async ({ file, content }) => {
        const written: unknown = JSON.parse(await readText(file).catch(() => "null"));
        const asSaid: unknown = JSON.parse(JSON.stringify(content));
        return isDeepStrictEqual(written, asSaid)
          ? []
          : [`${file}:1 is out of step. Run: npm run policy -- build`];
      }),
    );
    return {
      summary: `${cases.count} cases`,
      findings: [...cases.mistakes.map(formatMistake), ...stale.flat()],
    };
  },
};
