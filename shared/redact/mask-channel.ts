import type { ClientChannel } from "../guard/exchange.ts";
import type { MaskRules } from "../policy/masks.ts";
import { maskStrings, maskText } from "./mask-text.ts";

/** The channel to the client, with free text masked in everything that a call says before it answers. */
export function maskChannel(channel: ClientChannel, { text: wanted }: MaskRules): ClientChannel {
  return {
    canAsk: channel.canAsk,
    progress: (done, total, message) =>
      channel.progress(done, total, message === undefined ? message : maskText(message, wanted)),
    log: (level, data) => channel.log(level, maskStrings(data, wanted)),
    ask: (question) => channel.ask({ ...question, message: maskText(question.message, wanted) }),
    sample: (prompt, options) =>
      channel.sample(maskText(prompt, wanted), options && maskStrings(options, wanted)),
  };
}
