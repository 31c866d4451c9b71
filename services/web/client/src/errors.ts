// Failed calls, as an application wants to handle them.
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { ErrorReason as Analytics } from "./gen/playmesh/analytics/v1/analytics_service_pb.js";
import { ErrorReason as Catalog } from "./gen/playmesh/catalog/v1/catalog_service_pb.js";
import { ErrorReason as Identity } from "./gen/playmesh/identity/v1/identity_service_pb.js";
import { ErrorReason as NotificationReason } from "./gen/playmesh/notification/v1/notification_service_pb.js";
import { ErrorReason as Payment } from "./gen/playmesh/payment/v1/payment_service_pb.js";
import { ErrorReason as Purchase } from "./gen/playmesh/purchase/v1/purchase_service_pb.js";

const REASONS = [Analytics, Catalog, Identity, NotificationReason, Payment, Purchase] as const;

/** Every reason that a call can fail for, such as `"EMAIL_TAKEN"`: the names in the contracts' `ErrorReason` enums. */
export type Reason = Exclude<NamesOf<(typeof REASONS)[number]>, "UNSPECIFIED">;
type NamesOf<Enum> = Enum extends unknown ? keyof Enum & string : never;

/** A call that failed. */
export class PlaymeshError extends Error {
  override readonly name = "PlaymeshError";
  /** The gRPC code. */
  readonly code: Code;
  /** Why, for code to branch on. Undefined when the server named none, or one that this version does not know. */
  readonly reason: Reason | undefined;
  /**
   * What is wrong with the request, by field as the request spells it (`displayName`, `game.texts[0].title`): a sentence
   * for each. All violations are reported at once.
   */
  readonly fields: Readonly<Record<string, string>>;
  /** How long the server asks to wait before another try, in milliseconds. */
  readonly retryDelayMs: number | undefined;
  /** Names this call in the server's logs; worth showing to whoever asks support. */
  readonly requestId: string | undefined;

  constructor(error: ConnectError) {
    super(error.rawMessage || `failed with ${Code[error.code]}`, { cause: error });
    this.code = error.code;
    this.reason = reasonOf(error);
    this.fields = fieldViolations(error);
    this.retryDelayMs = retryDelayMs(error);
    this.requestId = error.metadata.get("x-request-id") ?? undefined;
  }

  /** Any thrown value as a `PlaymeshError`; what did not come from a call has the code Unknown. */
  static from(thrown: unknown): PlaymeshError {
    return thrown instanceof PlaymeshError ? thrown : new PlaymeshError(ConnectError.from(thrown));
  }
}

/** What the transport threw as a `ConnectError`; a connection that could not be made, or broke, is UNAVAILABLE. */
export function transportError(thrown: unknown): ConnectError {
  const error = ConnectError.from(thrown);
  // fetch() and the streams of its bodies throw TypeErrors, and nothing else in a transport does (Fetch, section 5.6).
  const connectionBroke = error.cause instanceof TypeError || error.rawMessage === "missing trailer";
  if (error.code !== Code.Unknown || !connectionBroke) return error;
  return new ConnectError(error.rawMessage, Code.Unavailable, error.metadata, undefined, error.cause);
}

/** How long the server asks to wait before another try (`google.rpc.RetryInfo`), in milliseconds. */
export function retryDelayMs(error: ConnectError): number | undefined {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay && durationMs(delay);
}

/** The same transport, but what it throws is a `PlaymeshError`. */
export function throwingPlaymeshErrors(transport: Transport): Transport {
  return {
    unary: (...call) => transport.unary(...call).catch(rethrow),
    stream: async (...call) => {
      const response = await transport.stream(...call).catch(rethrow);
      return { ...response, message: messagesOf(response.message) };
    },
  };
}

function rethrow(thrown: unknown): never {
  throw new PlaymeshError(transportError(thrown));
}

async function* messagesOf<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (thrown) {
    rethrow(thrown);
  }
}

function reasonOf(error: ConnectError): Reason | undefined {
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "playmesh");
  const known = info && info.reason !== "UNSPECIFIED" && REASONS.some((reasons) => info.reason in reasons);
  return known ? (info.reason as Reason) : undefined;
}

function fieldViolations(error: ConnectError): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const { field, description } of error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations)) {
    const name = field.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    fields[name] = name in fields ? `${fields[name]} ${description}` : description;
  }
  return fields;
}
