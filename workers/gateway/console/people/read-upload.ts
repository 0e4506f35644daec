import { FormError } from "../../read-form.ts";

/** Bytes of a form besides its file. */
const AROUND = 8 * 1024;

/**
 * Reads a form with one file (`multipart/form-data`), and counts the bytes as they arrive. Throws {@link FormError}: 415
 * for another content type, 413 for a larger body.
 *
 * @param most - bytes of the file
 */
export async function readUpload(
  request: Request,
  most: number,
): Promise<{ fields: FormData; bytes: Uint8Array | null }> {
  const type = request.headers.get("Content-Type") ?? "";
  if (!/^multipart\/form-data\s*;/i.test(type))
    throw new FormError(415, "The form must be sent as multipart/form-data.");
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.byteLength;
    if (total > most + AROUND) throw new FormError(413, `The file is larger than ${most / 1024} KiB.`);
    chunks.push(chunk);
  }
  const fields = await new Response(new Blob(chunks), { headers: { "Content-Type": type } })
    .formData()
    .catch(() => {
      throw new FormError(415, "The form is not whole.");
    });
  const file: unknown = fields.get("file");
  return { fields, bytes: file instanceof Blob ? new Uint8Array(await file.arrayBuffer()) : null };
}
