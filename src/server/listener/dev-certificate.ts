import type { Certificate } from "./settings.ts";

/**
 * A self-signed certificate for `localhost`, `127.0.0.1` and `::1`, for development only: EC key, valid for a year,
 * kept in memory and gone with the process.
 */
export async function devCertificate(): Promise<Certificate> {
  const { generate } = await import("selfsigned");
  const notBeforeDate = new Date(Date.now() - CLOCK_SKEW_MS);
  const { cert, private: key } = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate,
    notAfterDate: new Date(notBeforeDate.getTime() + YEAR_MS),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  return { cert, key };
}

const CLOCK_SKEW_MS = 3_600_000;
const YEAR_MS = 365 * 86_400_000;
