import { fromBase64 } from "../encoding/base64.ts";

/** Width and height of {@link readLogoImage}, in pixels. */
export const LOGO_SIZE = 96;

/** The logo of `logo.tsx` as a PNG, for clients and browsers without SVG support; rendered by Chromium. */
const PNG_BASE64 =
  "iVBORw0KGgoAAAANSUhEUgAAAGAAAABgCAYAAADimHc4AAAKA0lEQVR4nOydC2wcRxnHv9l72OfYwQ0OcZwzSVF5SRSF0jagoqC2" +
  "bkvoK1C1aqGoRUobUFBUp7bPj0u6aWI79rlJCESiQahIVKEYgaBOUtKEhxAl0AdUohINberSO58dkiZpXhf7vPPxzToptE1vZtd7" +
  "N3Y0P8n2+vzN7s78Z76Z+WZ2bYFBK2GYRtR2dc0OW1YtZ04tA0ZfWCs+R2AjCDhiYWhknPORkfb2QzBNYDAFmZNKzYjg6JcYWjci" +
  "wEK3oBmb6+kkCFlgSMLAi4BsZ96K7D7Y3HwKphhTRoC5fevnhzi7hSHcTL9+kQo8CsEyioh/YAwGnBA+mX0wmYYpgHYB6nvWXw7M" +
  "6qTD66GEkBhPUctak04knweNaBPALXhgXVTTrwONkIv6DSJfO5RI/gU0UHIB5vWs/5zFrHV02ABTi6c58odKLUTJBBAFz8jV0AWv" +
  "gakM4h4H8eFsa/JPUAKKL0B/fyg++Opm6vy+A9MJhM3p3NiDYNscikhRBajp6akqZ84AE6Oa6cneHIa+ejiROAFFomgCxLu7LwEL" +
  "d1LN/xgEAh6nb4do0nWY3MRhOu8hRDgo/kLHc+h4Nh3UMPcn1tCnMyEAqJN+edxhS0ba2l6HIlAUAeo3rF8MFhuYTCHQMPEk3d1u" +
  "RDbAImMDmVX2ES/p6/rsGuZEb6QM3kJnu54xVgl+QTgKyJemW5N/hIAJXID63s4VdNrvgw8onHCEavITFsKT6daO3RAg9Rs6b6BK" +
  "cStd5E7K9UXgAw58+VBLchsESKACxHu6vkvuYCX4gAM+kivPP3xkpX0cisiHu7svQgvXUM4fAF/gpnRLxyoIiMAEmNfb2WgB2+gl" +
  "DflXpBvod0K8udShgdru7gURi/dQv3EHeIQjNA4l2jdDAAQiQF2qu8HifDf5WUs1DRX+Xx2LrRhuansBNDK3r/uzIY5bqSAWqaah" +
  "/olTVpekW9qehkkyaQHc0U4IX6QTzVBNg4zZmea2tTCFiPd2raU8rFG1nxgk8MsyLatfgUkwKQGqN9nVVWPRv9NZFigmyTvAvpFt" +
  "afsZTEHiqc6vMWQ/psOIWgocPBHJX3as0T4GPlF2Ge/BtsOV+egu5cJHeMsBuHqqFr4g09yxHThvoJGY4sSLXVyVj+4QZQE+8S1A" +
  "fSy6jZrP51VsKUMZB5xF2Zb2Z2CKI8b6PARX0pB4SDHJVaIswCe+XNC83q6bSLkBFVvqbE9xCy7PNrW/DNOIuT3rPhkC61nVCRzn" +
  "eNNQa8dO8Ij3FkBTU4bYp2aKnIYLS6db4QuGE6v/SSOd29CtQ3JIqE7wQQg8Eq+M3k0L4vep2NJNtQy1tD8O05Tje357YGbDNWco" +
  "H9K1C5qA1n7guoZ/UZqXwAPeXBB1NvFYdJAuFpeZkg/dnmnp+DpcAMR7O39Cle5uqSHCaxTC/qiXELYnFxSPlX1LrfBhX+Z0/h64" +
  "QKC8fJPy9JzUkMFH5sXC94MHlFtAnW1XWBWRNNWEWYXs6EYdCPP5mVVJ1VGEMm4cJwRXUI83izOsJh9d7V4T+TFkoaPkT4/m0NpX" +
  "jPj9nNS6iyMYeoXJ3fZIurxyAaxcOQoKKI9fQxVREYCaJbOjG9yWDrDw4xs3xtj46FIaZ9xFBX0DXSFKUU1quv+rOxMRkIm+Msac" +
  "UXIZuxCsn0ZOjw68bttnIAAONq8epPM+RldbJjGtjedOPJAB6AEF1F0QwrflNnhmjEVsCABR8BQeaGXjuSydeDtl/GbFvUJl1Eq/" +
  "YgH2j8eimfreribYsqUMAgAxvJa+jcktmfLyq5IA8Q0bLqUKVyez4wy2Hmxu/g9MEqppy1g+d4DqeDdlphp8Qv3VB+lHqj538jWK" +
  "1t4Lk2QokcjQitwPZHain6zr6/oEKKDWApjzZZmJmHCFHMvXWPhtqKbSgs6vqAb/0PNWxEJQ5SGX9Ri1hn549FHFOM/7EBkTrUDq" +
  "1hjHJaCAogBMejIG+PM32tqOgk/Extt47uQ+OtOtUDxuj7/15jPiWuATsTRKreAXMjta1QtGAOGL6ccXZHY07t8BPpnd21sbDuML" +
  "1HQ/A0WG3NoVdK3najZ1+m5hFAmQ55WxxWLkKDOTt4D8mSWyoZcYeoZPj3uOg7jYdrQM8rvJ7dRDiaBrzS/Pwy5xbfDBqYr8Lne4" +
  "XZgymBG+VmKjIABDBfcDv/c73ItXRLZTgXwaSgxdc2F9RdRXmOTsurV051wILWnZSQWgG5W6BQo3K0VG3w0tgIi40m3gEQrynRZL" +
  "muT2tk58iWPIgXduF4sw4AOqdFI3RPcpLTvpRIwyKJ5GKWhDi+q/Bj9w1u0lGkUZSnHgP8omVu8/39/F0C/kwHJPOx4461lg27/0" +
  "2oIdC3aEOKQK2YineECCwiiIFRz/i9Wj4abkv8Ej9T2dq1XiSmev8SrNghdlEh0t71f4AhH2TifaGx3OrxJpFE7tjtnzsUgjeMQN" +
  "scsmZQzmgYSCAri7yyTxIloc8DzxEqMeWlVoU7GlFvh4ODd2aSaRfBYUybYm/yzSUAE9oWJPGUzOSaU+BB5BNrE1sgARsW5eyKCg" +
  "ACGMSJsQ1TTPD8SVYf4eynRMbokHMuVVy/x08CJNOlZ1rziHzJbi/RVRJy8PN787HTBp5YuNhQoOdwsK4IAlFUBskgWPUIalzwiI" +
  "1bRxgDtUo4rnRaRFvFNlVQstkA4Z35MG5Hm3JGVoFf4jV2gBzJsL6u8Xcwr5dnXGeodbOv4Gk+TsM2CPSA0RF5+9N3UUWj8Fav23" +
  "AIbyXhw8toC5g/vFdnVpdPJMBLdAQHBufU9mIxbf6wb3XwIeQIX+jznMfwsgNyDfEYDoyUVYVlgaAhC7pA83dgxDQGRbW98QwUKZ" +
  "ncq9/T8M4aTMhkQquEXf/8YsnzAO8kwieFrYVrqueGBbZoMQXARWkdILwFChBQQvALXUf0htOF74Aqi4NQYQ+LseSNSDUhuJuygG" +
  "JRfA8E6MAJoxAmjGCKAZI4BmjACaMQJoxgigGSOAZowAmjECaMYIoBkjgGaMAJoxAmjGCKAZI4BmjACaMQJoxgigGSOAZowAmjEC" +
  "aMYIoBkjgGaMAJoxAmjGCKAZI4BmjACaMQJoxgigGSOAZowAmjECaOYd74GIp7oWMY599OmnJvOyPMP5wGPi6U8HMSHeZXHuU1eA" +
  "BbZdPh6L2MBYE/PxPmmDOuJNWwyxN11d8xAsX553XdBYJVSSFPeZwi8+oowR2P3xU8NV4ndXgNB4pEH2SmJDcLjvMx0vu1IcuwIg" +
  "g4VgKDHolrkrAEP5Y/yGoGFumbsCOOH8XkR4EwwlQbyM5GRk1P3H0a4A2Sb7MPXM0+v//U5jGIcV5/711dujnuN7f/dS5bVX7yFF" +
  "Pk5d9UwyKwdDgLjzgOdpHnDXUGvyqXOfFv8/ahsKYkIRmjECaMYIoBkjgGaMAJr5LwAAAP//L8G1zQAAAAZJREFUAwCtLXe+dVEO" +
  "vwAAAABJRU5ErkJggg==";

/** The logo as a PNG file. */
export function readLogoImage(): Uint8Array<ArrayBuffer> {
  return fromBase64(PNG_BASE64);
}

/** The logo as an ICO file: one directory entry before the PNG, as every browser since 2007 reads it. */
export function readLogoIcon(): Uint8Array<ArrayBuffer> {
  const png = readLogoImage();
  const file = new Uint8Array(22 + png.length);
  const header = new DataView(file.buffer);
  header.setUint16(2, 1, true);
  header.setUint16(4, 1, true);
  header.setUint8(6, LOGO_SIZE);
  header.setUint8(7, LOGO_SIZE);
  header.setUint16(10, 1, true);
  header.setUint16(12, 32, true);
  header.setUint32(14, png.length, true);
  header.setUint32(18, 22, true);
  file.set(png, 22);
  return file;
}
