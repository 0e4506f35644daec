import { compilePolicy, type Policy } from "./compile.ts";
import bundled from "./policy.json" with { type: "json" };
import { policyDocument } from "./schema.ts";

let fromBundle: Policy | undefined;

/**
 * The bundled policy, compiled once per isolate. `npm run policy -- build` writes `policy.json` from
 * `policy.yaml`, so that no YAML parser is deployed; `npm run check` fails if the two differ.
 */
export function bundledPolicy(): Policy {
  fromBundle ??= compilePolicy(policyDocument.parse(bundled));
  return fromBundle;
}
