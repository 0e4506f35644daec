// First, so that modules start in the sequence in which they start when deployed.
import gateway from "../../../workers/index.ts";
// The suite makes more calls per minute than users do.
import "../../support/limits.ts";

// The real gateway, without the fixture: a second gateway serves it.
export * from "../../../workers/index.ts";
export default gateway;
