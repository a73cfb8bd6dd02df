/** A request that fuzzing, or thinking, found to be answered badly once. */
export interface KeptRequest {
  /** What came of it. */
  readonly was: string;
  readonly method: string;
  /** Request line and fields, without `Host` and the length. */
  readonly head: readonly string[];
  readonly content?: string;
}

const JSON_CONTENT = "Content-Type: application/json";
const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

export const KEPT: readonly KeptRequest[] = [
  {
    was: "500 54001: the database's stack was too small for the content",
    method: "POST",
    head: ["POST /pet HTTP/1.1", JSON_CONTENT],
    content: `{"data":${nested(20_000)}}`,
  },
  {
    was: "500 HP_INTERNAL: ours was",
    method: "POST",
    head: ["POST /batch HTTP/1.1", JSON_CONTENT],
    content: `{"requests":[{"path":"/rpc/echo","method":"POST","body":${nested(9000)}}]}`,
  },
  {
    was: "500 54011: more columns than the database can select",
    method: "GET",
    head: [`GET /pet?select=${"x:id,".repeat(2000)}id HTTP/1.1`],
  },
  {
    was: "500 54000: an array of more dimensions than the database knows",
    method: "GET",
    head: [`GET /pet?tags=cs.${"{".repeat(3000)} HTTP/1.1`],
  },
];
