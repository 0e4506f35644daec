import type { MaskRules } from "../../call/mask-rules.ts";
import { maskStrings, maskText } from "../../redact/mask-text.ts";
import type { ClientChannel } from "../request-context.ts";

/** Wraps the client channel: masks free text in everything that a call sends before its result. */
export function maskChannel(channel: ClientChannel, { text: wanted }: MaskRules): ClientChannel {
  return {
    ...channel,
    visit: (page) => channel.visit({ ...page, message: maskText(page.message, wanted) }),
    progress: (done, total, message) =>
      channel.progress(done, total, message === undefined ? message : maskText(message, wanted)),
    log: (level, data) => channel.log(level, maskStrings(data, wanted)),
    ask: (question) => channel.ask({ ...question, message: maskText(question.message, wanted) }),
    relay: (inquiry) => channel.relay({ ...inquiry, params: maskStrings(inquiry.params, wanted) }),
    sample: (prompt, options) =>
      channel.sample(maskText(prompt, wanted), options && maskStrings(options, wanted)),
  };
}
