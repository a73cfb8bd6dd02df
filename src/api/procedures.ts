/** A procedure's call as a request to the source: whatever protocol it came by, it goes the way of every other. */
export interface ProcedureRequest {
  readonly method: string;
  /** With the mount point, as it would be in a URL. */
  readonly path: string;
  readonly query: string;
  /** In lower case, beside those of the caller. */
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Buffer | undefined;
  /**
   * Makes the message of what is answered; absent: it is one.
   *
   * @throws HotpathError HP_NOT_ACCEPTABLE
   */
  readonly ofReply?: ((content: Buffer, type: string) => Buffer) | undefined;
}

/** A procedure that a source offers to gRPC and Connect. */
export interface Procedure {
  /** With its package, e.g. `hotpath.api.UsersService`. */
  readonly service: string;
  readonly method: string;
  /** Full names of the messages that it takes and answers. */
  readonly input: string;
  readonly output: string;
  /** It changes nothing. */
  readonly isRead: boolean;
  /** `message`: the reply's content. `list`: rows, whose cursor and total the header says. `rows`: each row is a message of a stream, page by page. */
  readonly answers: "message" | "list" | "rows";
  /**
   * @param message as it came, decompressed
   * @throws HotpathError HP_MESSAGE_INVALID, HP_BAD_REQUEST
   */
  toRequest(message: Buffer): ProcedureRequest;
}

/** What has procedures: a source, or the routes. */
export interface Callable {
  /** Where it is mounted. */
  readonly path: string;
  readonly source: {
    procedures?(basePath: string): Promise<Procedures | undefined> | Procedures | undefined;
    isReady?(): boolean;
  };
}

/** What a source offers. */
export interface Procedures {
  find(service: string, method: string): Procedure | undefined;
  /** Full names of the services, and where each is described. */
  readonly services: ReadonlyMap<string, ProcedureFile>;
}

/** Where a `google.protobuf.FileDescriptorSet` with services and messages is answered, to those who may see them. */
export interface ProcedureFile {
  readonly package: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}
