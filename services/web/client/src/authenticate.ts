// Tokens on calls.
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { isPublic } from "./methods.js";
import type { Session } from "./session.js";

/**
 * Sends the session's access token with each call, exchanged before it expires. When the server refuses it all the same,
 * the call is sent once more with a new one: it was refused before any work was done. Calls that anybody may make go out
 * also when there is no session to be had, and once: a token that does not hold is no reason to refuse them.
 */
export function authenticate(session: Session): Interceptor {
  return (next) => async (request) => {
    const token = await session.accessToken().catch((thrown: unknown) => {
      if (isPublic(request.method)) return undefined;
      throw thrown;
    });
    if (!token) return next(request);
    request.header.set("authorization", `Bearer ${token}`);
    // A stream's request can be sent once; who watches a stream opens the next one.
    if (request.stream || isPublic(request.method)) return next(request);
    try {
      return await next(request);
    } catch (thrown) {
      if (ConnectError.from(thrown).code !== Code.Unauthenticated) throw thrown;
      request.header.set("authorization", `Bearer ${await session.renew(token)}`);
      return next(request);
    }
  };
}
