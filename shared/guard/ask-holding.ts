import type { ClientChannel } from "./exchange.ts";
import type { HoldDeadline } from "./run.ts";

/** The channel's questions, with the call's deadline held while the person or the client's model answers. */
export function askHolding(
  channel: ClientChannel,
  hold: HoldDeadline,
): Pick<ClientChannel, "ask" | "sample"> {
  return {
    ask: (question) => hold(channel.ask(question)),
    sample: (prompt, options) => hold(channel.sample(prompt, options)),
  };
}
