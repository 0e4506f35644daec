import type { ClientChannel } from "./request-context.ts";
import type { PauseDeadline } from "./run.ts";

/** Wraps the client channel: pauses the call's deadline while the user or the client's model answers. */
export function withPausedDeadline(
  channel: ClientChannel,
  hold: PauseDeadline,
): Pick<ClientChannel, "ask" | "sample" | "relay" | "abilities"> & { pauseFor: PauseDeadline } {
  return {
    ask: (question) => hold(channel.ask(question)),
    relay: (inquiry) => hold(channel.relay(inquiry)),
    abilities: channel.abilities,
    pauseFor: hold,
    sample: (prompt, options) => hold(channel.sample(prompt, options)),
  };
}
