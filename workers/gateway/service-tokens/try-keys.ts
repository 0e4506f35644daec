import { decodeProtectedHeader } from "jose";
import { ASSERTION_ALGORITHMS, type PublicKey } from "../../../shared/auth/public-key.ts";

/** Public keys whose private keys were thrown away: no signature is theirs. One for each algorithm. */
const NO_ONES: Readonly<Record<PublicKey["alg"], PublicKey>> = {
  ES256: {
    alg: "ES256",
    kty: "EC",
    crv: "P-256",
    x: "ej8HjXzkl4TssUV3F-bkdNqg1I7y-gMzjoLVKxEKSmE",
    y: "xTuE4o1tkWLxySIc1jlDn7nUWfLZ8e_exsFkCJNacDA",
  },
  RS256: {
    alg: "RS256",
    kty: "RSA",
    n: "xadERZTmaoppqnAO1Z8MRS_syu0bH7h1m8znjrOseL62TOVKNajMAH3aLDVJqI6reBTZb3L_FOzZU0LfSp5VeNIQ8Q59k2ziAPsfAyjrw-KmbbvqDRj9O9O9GrABDb3upi9c_c92isfo2PCJ_wLn3nfLh_zmoxyQACeBl0icWEGzmAJu2Ct5S5Ilte2KzBLpXDi_7bcimyi2Bn01xUBECdMZsbSS0U42iikoKB42ZaHaGPfY4sn7VCWJRcSOcTJMIoxaP3NBE3NZA75kcDExQulOUTn393QDFostTJdkuwk9v_Kw63mh0guU9rRoA3D40Nu5dEWwwbN3DXySs3JZkQ",
    e: "AQAB",
  },
};

/**
 * The keys that an assertion is verified with, always as many and of the algorithm that it names: the keys of the account,
 * and in place of those that are missing or of another algorithm keys of no account. An unknown account so costs what a
 * known one does, and time tells nothing. None for an algorithm that is not accepted.
 *
 * @param stored - JSON Web Keys of the account's credentials; null for a credential without one
 * @param count - how many keys there are at most
 */
export function keysToTry<Of>(
  assertion: string,
  stored: readonly { of: Of; publicKey: string | null }[],
  count: number,
): { of: Of | null; key: PublicKey }[] {
  const alg = readAlgorithm(assertion);
  if (alg === null) return [];
  return Array.from({ length: count }, (_, index) => {
    const one = stored[index];
    const key = one?.publicKey ? (JSON.parse(one.publicKey) as PublicKey) : null;
    return one !== undefined && key?.alg === alg ? { of: one.of, key } : { of: null, key: NO_ONES[alg] };
  });
}

function readAlgorithm(assertion: string): PublicKey["alg"] | null {
  try {
    const { alg } = decodeProtectedHeader(assertion);
    return ASSERTION_ALGORITHMS.find((one) => one === alg) ?? null;
  } catch {
    return null;
  }
}
