import worker from "../../../workers/index.ts";

// The deployed Worker. It forwards requests for the other isolate, and each response names its isolate. The
// first request creates the name, because a module may not do so while it loads.
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
