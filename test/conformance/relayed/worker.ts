// First, so that modules start in the sequence in which they start when deployed.
import gateway from "../../../workers/index.ts";
// The suite makes more calls per minute than users do.
import "../../support/limits.ts";
import { setApprovals } from "../../support/policy.ts";

// With the rule about what leaves the company, Gatehouse refuses templates and prompts with arguments after the suite has
// read private data and text of others.
setApprovals("admin", []);

// The real gateway, without the fixture: a second gateway serves it.
export * from "../../../workers/index.ts";
export default gateway;
