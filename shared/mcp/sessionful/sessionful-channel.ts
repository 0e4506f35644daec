import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
  type ServerNotification,
  type ServerRequest,
} from "@modelcontextprotocol/sdk/types.js";
import { elicitsOf } from "../../call/client-abilities.ts";
import type { Inquiry } from "../../call/input-needed.ts";
import type { LogLevel } from "../../call/log-level.ts";
import type { ClientChannel } from "../../guard/request-context.ts";
import { showsViews } from "../../server/view.ts";
import {
  ANSWER_TIMEOUT_MS,
  inquire,
  inquireSample,
  inquireVisit,
  readAnswer,
  readSample,
  readVisit,
  requireAbility,
} from "../methods/dialogue.ts";
import { reaches } from "../methods/log-level.ts";
import { progressOf } from "../methods/progress.ts";

/** The extra argument that SDK v1 passes to a request handler. */
export type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** Result schema of each request to the client. */
const INQUIRY_RESULTS = {
  "elicitation/create": ElicitResultSchema,
  "sampling/createMessage": CreateMessageResultSchema,
  "roots/list": ListRootsResultSchema,
} as const;

/**
 * The channel from a call of a sessionful client to its client. `release` closes the request's own
 * connection.
 */
export function sessionfulChannel(
  server: Server,
  extra: Extra,
  logLevel: LogLevel,
  release: () => void,
): ClientChannel {
  const progressToken = extra._meta?.progressToken;
  const elicits = elicitsOf(server.getClientCapabilities());
  // A notification fails if the client has disconnected; the call itself continues.
  const notify = (notification: ServerNotification) =>
    void extra.sendNotification(notification).catch(() => {});
  const send = ({ method, params }: Inquiry): Promise<unknown> => {
    requireAbility(server.getClientCapabilities(), { method, params });
    const options = { relatedRequestId: extra.requestId, timeout: ANSWER_TIMEOUT_MS };
    return extra.sendRequest({ method, params } as ServerRequest, INQUIRY_RESULTS[method], options);
  };
  return {
    progress(progress, total, message) {
      if (progressToken === undefined) return;
      notify(progressOf(progressToken, progress, total, message));
    },
    log(level, data) {
      if (reaches(level, logLevel)) notify({ method: "notifications/message", params: { level, data } });
    },
    ask: async (question) => readAnswer(question, await send(inquire(question, true))),
    sample: async (prompt, options) => readSample(await send(inquireSample(prompt, options))),
    relay: (inquiry) => send(inquiry),
    elicits,
    showsViews: showsViews(server.getClientCapabilities()),
    abilities: server.getClientCapabilities() ?? {},
    // Tasks of this generation are an experiment that the next one replaced.
    tasks: false,
    release,
    visit: async (page) => readVisit(await send(inquireVisit(page, elicits, true))),
    endVisit(elicitationId) {
      if (elicits.url) notify({ method: "notifications/elicitation/complete", params: { elicitationId } });
    },
  };
}
