/** Bytes of one part of a multipart upload to R2: the least that it takes, so that little is in memory. */
const PART_BYTES = 5 * 1024 * 1024;

/** A file that is larger than it may be. Nothing of it is kept. */
export class TooLarge extends Error {}

/**
 * Stores a stream of unknown length in R2 with at most two parts of it in memory. Returns its bytes. Rejects with
 * {@link TooLarge} above `most`, and with the stream's own failure; nothing is stored then.
 */
export async function storeStream(
  bucket: R2Bucket,
  key: string,
  stream: AsyncIterable<Uint8Array>,
  most: number,
  about: Record<string, string> = {},
): Promise<number> {
  let upload: R2MultipartUpload | undefined;
  const parts: R2UploadedPart[] = [];
  let held = new Uint8Array(PART_BYTES);
  let filled = 0;
  let total = 0;
  const flush = async () => {
    upload ??= await bucket.createMultipartUpload(key, { customMetadata: about });
    parts.push(await upload.uploadPart(parts.length + 1, held.subarray(0, filled)));
    held = new Uint8Array(PART_BYTES);
    filled = 0;
  };
  try {
    for await (const chunk of stream) {
      total += chunk.byteLength;
      if (total > most) throw new TooLarge(`The file has more than ${most} bytes.`);
      for (let at = 0; at < chunk.byteLength; ) {
        const piece = chunk.subarray(at, at + PART_BYTES - filled);
        held.set(piece, filled);
        filled += piece.byteLength;
        at += piece.byteLength;
        if (filled === PART_BYTES) await flush();
      }
    }
    if (upload === undefined) await bucket.put(key, held.subarray(0, filled), { customMetadata: about });
    else {
      if (filled > 0) await flush();
      await upload.complete(parts);
    }
    return total;
  } catch (failure) {
    await upload?.abort().catch(() => {});
    throw failure;
  }
}
