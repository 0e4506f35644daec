/** Bytes of the initialization vector of AES-GCM (NIST SP 800-38D §8.2). */
const IV_BYTES = 12;

/**
 * Encrypts a token response so that only the holder of `refreshToken` can read it again. The key derives from
 * the token, 190 random bits which the store never sees.
 */
export async function sealAnswer(answer: string, refreshToken: string): Promise<ArrayBuffer> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv },
    await keyFrom(refreshToken),
    new TextEncoder().encode(answer),
  );
  const bytes = new Uint8Array(IV_BYTES + sealed.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(sealed), IV_BYTES);
  return bytes.buffer;
}

/** Decrypts the output of {@link sealAnswer}. Throws for another token or changed bytes. */
export async function openAnswer(sealed: ArrayBuffer, refreshToken: string): Promise<string> {
  const iv = sealed.slice(0, IV_BYTES);
  const answer = await crypto.subtle.decrypt(
    { name: "AES-GCM", iv },
    await keyFrom(refreshToken),
    sealed.slice(IV_BYTES),
  );
  return new TextDecoder().decode(answer);
}

async function keyFrom(refreshToken: string): Promise<CryptoKey> {
  // The prefix separates this digest from the one under which the token is stored.
  const secret = new TextEncoder().encode(`gatehouse sealed answer\n${refreshToken}`);
  const raw = await crypto.subtle.digest("SHA-256", secret);
  return await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}
