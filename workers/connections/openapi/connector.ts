import type { Connector } from "../connector.ts";
import { explainFailure, HttpSession } from "./session.ts";

/** Asks HTTP APIs with the platform's `fetch`. */
export const openapi: Connector = {
  async open(env, target, secret, memory) {
    return new HttpSession(env, target, secret, memory);
  },
  explain: explainFailure,
};
