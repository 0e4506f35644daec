/** Largest form in bytes, unless a page says otherwise. */
const MAX_BYTES = 16 * 1024;

/** A form that cannot be accepted. Its message is written for the user. */
export class FormError extends Error {
  readonly status: 413 | 415;

  constructor(status: 413 | 415, message: string) {
    super(message);
    this.name = "FormError";
    this.status = status;
  }
}

/**
 * Reads a URL-encoded form. Counts the bytes as they arrive, whatever Content-Length says, and stops above `most`.
 * Throws {@link FormError}: 415 for another content type, 413 for a larger body.
 */
export async function readForm(request: Request, most = MAX_BYTES): Promise<URLSearchParams> {
  const type = request.headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new FormError(415, "The form must be sent as application/x-www-form-urlencoded.");
  }
  let text = "";
  let bytes = 0;
  const decoder = new TextDecoder();
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > most) throw new FormError(413, `The form is larger than ${most / 1024} KiB.`);
    text += decoder.decode(chunk, { stream: true });
  }
  return new URLSearchParams(text + decoder.decode());
}
