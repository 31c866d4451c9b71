// Which calls are tried again, and under which id.
import { type DescMessage, type DescMethodUnary, type MessageShape, clone } from "@bufbuild/protobuf";
import { Code, type Interceptor, type UnaryRequest } from "@connectrpc/connect";
import { backoffMs, sleep } from "./clock.js";
import { retryDelayMs, transportError } from "./errors.js";
import { IdentityService } from "./gen/playmesh/identity/v1/identity_service_pb.js";
import { isRead, requestIdOf, takesRequestId } from "./methods.js";

const MAX_ATTEMPTS = 4;

/** When the server asks to wait longer, waiting is the caller's decision: nobody watches a spinner for that long. */
const MAX_DELAY_MS = 5_000;

/**
 * A new UUID (version 4). Give it as `requestId` when one intent of the user may be sent by more than one call, such as a
 * button that is pressed again after an error; for a single call the client fills one in.
 */
export function newRequestId(): string {
  // Not crypto.randomUUID(), which browsers only have on https and localhost.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

/** Gives each request that may carry a `request_id` one, so that sending it again is safe. */
export const fillRequestIds: Interceptor = (next) => (request) => {
  if (request.stream || !takesRequestId(request.method) || requestIdOf(request.message)) return next(request);
  // The caller's message stays as it is: sent again, it is another intent.
  const message: MessageShape<DescMessage> = clone(request.method.input, request.message);
  return next({ ...request, message: Object.assign(message, { requestId: newRequestId() }) });
};

/**
 * Sends a call again when the answer was UNAVAILABLE, up to four times in all and within the call's deadline: reads, and
 * changes that carry a `request_id`. Nothing else, since the server may have done the work before the connection broke.
 */
export const retryUnavailable: Interceptor = (next) => async (request) => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await next(request);
    } catch (thrown) {
      const error = transportError(thrown);
      const again = error.code === Code.Unavailable && attempt < MAX_ATTEMPTS && !request.signal.aborted;
      if (!again || request.stream || !isSafe(request)) throw error;
      const delayMs = retryDelayMs(error) ?? backoffMs(attempt);
      if (delayMs > MAX_DELAY_MS) throw error;
      await sleep(delayMs, request.signal);
    }
  }
};

function isSafe({ method, message }: UnaryRequest): boolean {
  return isRead(method) || requestIdOf(message) !== "" || isRefresh(method);
}

// A spent refresh token is taken again for ten seconds, just for lost answers; the session's deadline is shorter than that.
function isRefresh(method: DescMethodUnary): boolean {
  return method === IdentityService.method.refreshSession;
}
