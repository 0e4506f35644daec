// First, so that modules start in the sequence in which they start when deployed.
import gateway from "../../workers/index.ts";
import { registry } from "../../workers/servers.ts";
// The suite makes more calls per minute than users do, and none of its scenarios tests limits.
import "../support/limits.ts";
import { FixtureAgent } from "./fixture/agent.ts";
import { fixture } from "./fixture/server.ts";

// The real gateway with one more server. Only the binding is unknown to the types, because no environment that is
// ever deployed has it.
registry.push({
  server: fixture,
  sessions: { agent: FixtureAgent, binding: "FIXTURE_AGENT" as keyof Env & string },
});

export * from "../../workers/index.ts";
export { FixtureAgent };
export default gateway;
