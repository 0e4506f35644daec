/** The beginning of a body, and whether that is all of it. What is left is not read. */
export async function readAtMost(
  body: ReadableStream<Uint8Array> | null,
  most: number,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; isWhole: boolean }> {
  const held: Uint8Array[] = [];
  let size = 0;
  const reader = body?.getReader();
  while (reader !== undefined && size <= most) {
    const { done, value } = await reader.read();
    if (done) return { bytes: joinBytes(held), isWhole: true };
    held.push(value);
    size += value.byteLength;
  }
  await reader?.cancel().catch(() => {});
  return { bytes: joinBytes(held).slice(0, most), isWhole: reader === undefined };
}

/** Pieces as one. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
