import { SignInEnded } from "./identity.ts";

/** Milliseconds after which an issuer counts as away. */
const PATIENCE_MS = 5_000;
/** Most bytes of an answer: metadata, keys, tokens and claims have some kilobytes. */
const MOST_BYTES = 512 * 1024;

/** Ends a request that takes too long. */
export const waitForIssuer = () => AbortSignal.timeout(PATIENCE_MS);

/** What libraries pass with a request. */
interface Asking {
  method?: string;
  headers?: Headers | Record<string, string>;
  body?: BodyInit | null | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * `fetch` for requests to an issuer: follows no redirect, and reading more than 512 KiB fails. Throws {@link SignInEnded}
 * if the issuer cannot be reached.
 */
export async function askIssuer(
  url: string,
  { method = "GET", headers = {}, body = null, signal = waitForIssuer() }: Asking = {},
): Promise<Response> {
  const response = await fetch(url, { method, headers, body, signal, redirect: "manual" }).catch(
    (failure: unknown) => {
      throw new SignInEnded("away", "The system that signs you in cannot be reached right now.", failure);
    },
  );
  if (response.body === null) return response;
  let left = MOST_BYTES;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      left -= chunk.byteLength;
      if (left >= 0) controller.enqueue(chunk);
      else controller.error(new TypeError("The issuer answers with too much."));
    },
  });
  return new Response(response.body.pipeThrough(counter), response);
}
