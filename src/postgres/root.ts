import type { PostgresSettings } from "../api/settings.ts";
import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { DialectError } from "./dialect-error.ts";
import type { Catalog } from "./catalog/types.ts";
import { besideFieldTexts, toFieldText } from "./field-text.ts";
import type { Documents } from "./openapi/documents.ts";
import type { DocumentSettings } from "./openapi/index.ts";
import { chooseDocument } from "./openapi/negotiate.ts";
import { privilegesCommand } from "./openapi/privileges.ts";
import type { Command, CommandResult } from "./pool/index.ts";
import type { Route } from "./route.ts";
import { createTemplate } from "./query/statement.ts";

/** What describing the API needs of its source. */
export interface RootContext {
  readonly settings: PostgresSettings;
  readonly catalog: Catalog;
  readonly documents: Documents;
  /** Runs the commands in one transaction, after those that open it for the request. */
  readonly run: (commands: readonly Command[]) => Promise<readonly CommandResult[]>;
}

/** What is described for whom: somebody without credentials only gets anything where that is meant. */
export function documentSettings(settings: PostgresSettings, isAuthenticating: boolean): DocumentSettings {
  const { allowAnonymous, anonRole } = settings;
  const isOpen = allowAnonymous && (anonRole !== null || !isAuthenticating);
  return { ...settings, allowAnonymous: isOpen, takesTokens: isAuthenticating };
}

/** Answers GET and HEAD of `/` with a document that describes the API, and of `/schema.proto` with its messages. */
export async function describeRoot(
  { settings, catalog, documents, run }: RootContext,
  request: SourceRequest,
  { schema, namesProfile, describesMessages }: Extract<Route, { kind: "root" }>,
): Promise<SourceReply> {
  const { mode, standard } = settings.openapi;
  const choice = describesMessages ? undefined : chooseDocument(request.headers.accept, standard);
  const followsPrivileges = mode === "follow-privileges";
  // Run in any case: the role must be one that may be switched to, and the pre-request function may refuse.
  const [result] = await run([followsPrivileges ? privilegesCommand(schema) : NOTHING]);
  const privileges = followsPrivileges ? (result?.rows[0]?.[0] ?? "") : null;
  if (choice === undefined) {
    const { schemaDescriptor, schemaProto } = await import("./protobuf/index.ts");
    const subject = { catalog, schema, basePath: request.basePath };
    const isBinary = request.headers.accept?.startsWith("application/x-protobuf") ?? false;
    const body = isBinary ? schemaDescriptor(subject, privileges) : besideFieldTexts(schemaProto(subject, privileges));
    const type = isBinary ? DESCRIPTOR_TYPE : "text/plain; charset=utf-8";
    const headers: Record<string, string> = { "content-type": type, vary: "Accept" };
    if (namesProfile) headers["content-profile"] = toFieldText(schema);
    return { status: 200, headers, body };
  }
  const { content, kept } = await documents.get({ schema, basePath: request.basePath }, choice, privileges);
  const headers: Record<string, string> = { "content-type": choice.contentType };
  if (namesProfile) headers["content-profile"] = toFieldText(schema);
  // PostgREST tells no length to HEAD.
  const body = request.method === "HEAD" && standard === "2.0" ? undefined : content;
  return { status: 200, headers, body, kept };
}

const DESCRIPTOR_TYPE = 'application/x-protobuf; messageType="google.protobuf.FileDescriptorSet"';

/** @throws DialectError PGRST126 where the document is switched off. */
export function assertDescribed({ openapi }: PostgresSettings): void {
  if (openapi.mode !== "disabled") return;
  throw new DialectError("PGRST126", 404, "Root endpoint metadata is disabled");
}

const NOTHING: Command = { statement: createTemplate("SELECT", []).statement, values: [] };
