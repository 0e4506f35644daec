import { PolicyRefusal, type RefusalKind } from "../../shared/policy/changes/refusal.ts";
import { CommandFailure } from "../local/failure.ts";

const VERSIONS = "List the versions: npm run policy -- versions";

const ADVICE: Readonly<Record<RefusalKind, string>> = {
  stale: "Look at the difference (npm run policy -- diff), then publish again.",
  unchanged: VERSIONS,
  unknown: VERSIONS,
  damaged: "Publish another version; the Worker does not use this one either.",
  unreadable: "Publish the present file instead: npm run policy -- publish",
  too_large: "Join names to globs, or rules to roles.",
  mistaken: "Correct the file; the policy in force stays as it is.",
};

/** A refusal as a command reports it; any other failure as it is. */
export function advise(failure: unknown): unknown {
  return failure instanceof PolicyRefusal
    ? new CommandFailure(failure.message, ADVICE[failure.kind])
    : failure;
}
