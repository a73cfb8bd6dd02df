import type { Procedure } from "../../api/procedures.ts";

/** Turns messages into what is sent, and back. */
export interface Codec {
  read(bytes: Buffer, procedure: Procedure): Promise<Buffer>;
  write(message: Buffer, procedure: Procedure): Promise<Buffer>;
}
