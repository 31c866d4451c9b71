// Who is signed in, and the tokens that prove it.
import { type JsonValue, fromJson, toJson } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type CallOptions, type Client, Code, ConnectError } from "@connectrpc/connect";
import { PlaymeshError } from "./errors.js";
import {
  type IdentityService,
  type Tokens,
  type User,
  UserSchema,
} from "./gen/playmesh/identity/v1/identity_service_pb.js";
import type { SessionStorage, StoredSession } from "./storage.js";

/** Tokens are exchanged this long before they expire, but not before 9/10 of their life is over. */
const REFRESH_AHEAD_MS = 30_000;

/** Covers all tries of an exchange; under the ten seconds in which the server takes a spent refresh token again. */
const REFRESH_TIMEOUT_MS = 8_000;

type Listener = (user: User | undefined) => void;

/** A session with Playmesh. Get it from `createPlaymesh`. */
export class Session {
  readonly #identity: Client<typeof IdentityService>;
  readonly #storage: SessionStorage;
  readonly #listeners = new Set<Listener>();
  #queue: Promise<unknown> = Promise.resolve();
  #renewal: Promise<string> | undefined;

  /** `identity` calls without a token, and throws `ConnectError`. */
  constructor(identity: Client<typeof IdentityService>, storage: SessionStorage) {
    this.#identity = identity;
    this.#storage = storage;
    storage.onChange?.((session) => this.#tell(session && userOf(session)));
  }

  /** Who is signed in, as the account was at sign-in; undefined when nobody is. */
  async user(): Promise<User | undefined> {
    const stored = await this.#storage.load();
    return stored && userOf(stored);
  }

  /** Opens a session. Throws UNAUTHENTICATED (WRONG_CREDENTIALS). */
  async signIn(
    credentials: { email: string; password: string; deviceName?: string },
    options?: CallOptions,
  ): Promise<User> {
    return this.#publicly(async () => {
      const { tokens, user } = await this.#identity.signIn(credentials, options);
      if (!tokens || !user) throw new ConnectError("the answer has no tokens", Code.Internal);
      await this.#exclusively(async () => this.#storage.save(stored(tokens, toJson(UserSchema, user) as object)));
      this.#tell(user);
      return user;
    });
  }

  /** Ends the session here and on the server. The session is gone here even when the server cannot be reached. */
  async signOut(options?: CallOptions): Promise<void> {
    await this.#publicly(async () => {
      const ended = await this.#exclusively(async () => {
        const session = await this.#storage.load();
        await this.#storage.clear();
        return session;
      });
      this.#tell(undefined);
      if (ended) await this.#identity.signOut({ refreshToken: ended.refreshToken }, options);
    });
  }

  /**
   * Exchanges the tokens now, so that they carry roles and organisations that were given since. Not needed to keep the
   * session alive: calls do that by themselves. Throws UNAUTHENTICATED when nobody is signed in, or the session has ended.
   */
  async refresh(): Promise<void> {
    await this.#publicly(async () => {
      // One that is under way may have been answered before the role was given.
      await this.#renewal?.catch(() => {});
      await this.renew((await this.#storage.load())?.accessToken);
    });
  }

  /**
   * Calls `listener` after each sign-in and sign-out, also when the server ended the session or another tab did it. Returns
   * how to stop that.
   */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @internal A token that is good for the next call; undefined when nobody is signed in. */
  async accessToken(): Promise<string | undefined> {
    const session = await this.#storage.load();
    if (!session || Date.now() < session.refreshAtMs) return session?.accessToken;
    return this.renew(session.accessToken);
  }

  /** @internal Replaces `staleToken`. Callers share one exchange, as do pages that share the storage. */
  renew(staleToken: string | undefined): Promise<string> {
    this.#renewal ??= this.#exclusively(() => this.#exchange(staleToken)).finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #exchange(staleToken: string | undefined): Promise<string> {
    const session = await this.#storage.load();
    if (!session) throw new ConnectError("nobody is signed in", Code.Unauthenticated);
    if (session.accessToken !== staleToken) return session.accessToken;
    try {
      const { tokens } = await this.#identity.refreshSession(
        { refreshToken: session.refreshToken },
        { timeoutMs: REFRESH_TIMEOUT_MS },
      );
      if (!tokens) throw new ConnectError("the answer has no tokens", Code.Internal);
      await this.#storage.save(stored(tokens, session.user));
      return tokens.accessToken;
    } catch (thrown) {
      if (ConnectError.from(thrown).code === Code.Unauthenticated) {
        await this.#storage.clear();
        this.#tell(undefined);
      }
      throw thrown;
    }
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#storage.exclusively) return this.#storage.exclusively(work);
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    return turn;
  }

  #publicly<T>(work: () => Promise<T>): Promise<T> {
    return work().catch((thrown: unknown) => Promise.reject(PlaymeshError.from(thrown)));
  }

  #tell(user: User | undefined): void {
    for (const listener of this.#listeners) listener(user);
  }
}

function userOf({ user }: StoredSession): User {
  return fromJson(UserSchema, user as JsonValue, { ignoreUnknownFields: true });
}

function stored(tokens: Tokens, user: object): StoredSession {
  const lifeMs = lifetimeMs(tokens);
  const refreshAtMs = Date.now() + Math.max(lifeMs - REFRESH_AHEAD_MS, lifeMs * 0.9);
  return { accessToken: tokens.accessToken, refreshAtMs, refreshToken: tokens.refreshToken, user };
}

// By the token's own claims where they can be read: a device whose clock is wrong would otherwise refresh at every call.
function lifetimeMs({ accessToken, accessTokenExpireTime }: Tokens): number {
  try {
    const claims = accessToken.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    const { iat, exp } = JSON.parse(atob(claims)) as { iat: number; exp: number };
    if (exp > iat) return (exp - iat) * 1000;
  } catch {
    // Not a JWT: the answer's own field has to do.
  }
  return accessTokenExpireTime ? timestampMs(accessTokenExpireTime) - Date.now() : 0;
}
