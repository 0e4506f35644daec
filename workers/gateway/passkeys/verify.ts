import { Buffer } from "node:buffer";
import {
  type AuthenticationResponseJSON,
  type AuthenticatorTransportFuture,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import type { StoredPasskey } from "./own-passkeys.ts";

/** Where a passkey counts: this origin, and its host name. */
function placeOf(publicUrl: string) {
  return {
    expectedOrigin: publicUrl,
    expectedRPID: new URL(publicUrl).hostname,
    requireUserVerification: true,
  };
}

/** A passkey that a browser has made, or `null` if its answer does not fit the challenge (WebAuthn §7.1). */
export async function verifyNew(
  publicUrl: string,
  expectedChallenge: string,
  answer: string,
): Promise<Pick<StoredPasskey, "id" | "publicKey" | "counter" | "transports"> | null> {
  try {
    const response = JSON.parse(answer) as RegistrationResponseJSON;
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response,
      expectedChallenge,
      ...placeOf(publicUrl),
    });
    if (!verified || registrationInfo === undefined) return null;
    const { id, publicKey, counter, transports = [] } = registrationInfo.credential;
    return {
      id,
      publicKey: Buffer.from(publicKey).toString("base64url"),
      counter,
      transports: [...transports],
    };
  } catch {
    return null;
  }
}

/**
 * The passkey's counter after a signature that fits the challenge (WebAuthn §7.2), or `null`. The person's presence was
 * verified by the device: with a PIN, a finger or a face.
 */
export async function verifyUse(
  publicUrl: string,
  expectedChallenge: string,
  answer: string,
  passkey: StoredPasskey,
): Promise<number | null> {
  try {
    const response = JSON.parse(answer) as AuthenticationResponseJSON;
    const { userHandle } = response.response;
    if (userHandle && Buffer.from(userHandle, "base64url").toString() !== passkey.userId) return null;
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge,
      ...placeOf(publicUrl),
      credential: {
        id: passkey.id,
        publicKey: new Uint8Array(Buffer.from(passkey.publicKey, "base64url")),
        counter: passkey.counter,
        transports: passkey.transports as AuthenticatorTransportFuture[],
      },
    });
    return verified ? authenticationInfo.newCounter : null;
  } catch {
    return null;
  }
}
