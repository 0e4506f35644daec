import type { ClientChannel } from "./request-context.ts";
import type { PauseDeadline } from "./run.ts";

/** The channel's questions, with the call's deadline held while the person or the client's model answers. */
export function withPausedDeadline(
  channel: ClientChannel,
  hold: PauseDeadline,
): Pick<ClientChannel, "ask" | "sample"> {
  return {
    ask: (question) => hold(channel.ask(question)),
    sample: (prompt, options) => hold(channel.sample(prompt, options)),
  };
}
