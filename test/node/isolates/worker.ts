import worker from "../../../workers/index.ts";

// The Worker as it is deployed. What is meant for the other isolate it hands on, and each answer says which isolate made
// it: one module, one name. The name is made with the first request, because a module may not do so while it loads.
let name: string | undefined;

export * from "../../../workers/index.ts";

export default {
  ...worker,
  async fetch(request: Request, env: Env & { OTHER_ISOLATE?: Fetcher }, ctx: ExecutionContext) {
    if (env.OTHER_ISOLATE && request.headers.get("x-test-send-to") === "other") {
      return env.OTHER_ISOLATE.fetch(request);
    }
    name ??= crypto.randomUUID();
    const response = await worker.fetch(request, env, ctx);
    const named = new Response(response.body, response);
    named.headers.set("x-test-isolate", name);
    return named;
  },
};
