// A mesh of one process that speaks grpc-web as the edge does: sessions work, the rest answers what a test tells it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type DescMessage, type MessageInitShape, create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { IdentityService, TokensSchema } from "../src/gen/playmesh/identity/v1/identity_service_pb.js";
import { type Playmesh, type PlaymeshOptions, createPlaymesh } from "../src/index.js";

/** Identity's part of the fake: which tokens hold. */
export class FakeIdentity {
  /** Life of an access token, in seconds. */
  tokenLifeS = 900;
  /** By how much the server's clock is ahead of ours, in milliseconds. */
  clockAheadMs = 0;
  /** How often tokens were exchanged, and what to answer instead. */
  refreshCount = 0;
  failRefresh: (() => ConnectError) | undefined;
  #serial = 0;
  #valid = new Set<string>();
  #refreshToken = "";

  readonly register = (router: ConnectRouter) =>
    router.service(IdentityService, {
      signIn: ({ email, password }) => {
        if (password !== "correct horse") throw failure(Code.Unauthenticated, { reason: "WRONG_CREDENTIALS" });
        return { tokens: this.#issue(), user: { userId: "u1", email } };
      },
      refreshSession: async ({ refreshToken }) => {
        this.refreshCount++;
        await new Promise((resolve) => setTimeout(resolve, 20));
        const failed = this.failRefresh?.();
        if (failed) throw failed;
        if (refreshToken !== this.#refreshToken)
          throw failure(Code.Unauthenticated, { reason: "REFRESH_TOKEN_REUSED" });
        return { tokens: this.#issue() };
      },
      signOut: () => ({}),
      getProfile: (_, context) => ({ user: { userId: "u1", displayName: this.authenticate(context) } }),
    });

  /** The token's serial number, as "token 3". Throws UNAUTHENTICATED. */
  authenticate({ requestHeader }: HandlerContext): string {
    const token = requestHeader.get("authorization")?.replace("Bearer ", "") ?? "";
    if (!this.#valid.has(token)) throw failure(Code.Unauthenticated, {});
    return JSON.parse(atob(token.split(".")[1]!)).jti;
  }

  /** Access tokens that are out no longer hold. */
  revokeAccessTokens(): void {
    this.#valid.clear();
  }

  #issue() {
    const iat = Math.floor((Date.now() + this.clockAheadMs) / 1000);
    const exp = iat + this.tokenLifeS;
    const claims = btoa(JSON.stringify({ iat, exp, jti: `token ${++this.#serial}` })).replaceAll("=", "");
    const accessToken = `e30.${claims}.signature`;
    this.#valid.add(accessToken);
    this.#refreshToken = `refresh ${this.#serial}`;
    const accessTokenExpireTime = timestampFromMs(exp * 1000);
    return create(TokensSchema, { accessToken, accessTokenExpireTime, refreshToken: this.#refreshToken });
  }
}

/** A running fake. */
export class FakeMesh {
  readonly identity = new FakeIdentity();
  readonly #server;
  #url = "";

  constructor(...services: ((router: ConnectRouter, identity: FakeIdentity) => void)[]) {
    const routes = (router: ConnectRouter) => {
      this.identity.register(router);
      for (const service of services) service(router, this.identity);
    };
    this.#server = createServer(connectNodeAdapter({ routes, connect: false, grpc: false }));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  client(options: Partial<PlaymeshOptions> = {}): Playmesh {
    return createPlaymesh({ baseUrl: this.#url, ...options });
  }

  async signedIn(options: Partial<PlaymeshOptions> = {}): Promise<Playmesh> {
    const playmesh = this.client(options);
    await playmesh.session.signIn({ email: "ada@example.com", password: "correct horse" });
    return playmesh;
  }

  /** Cuts all connections that are open. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }
}

/** An error as the services send it. */
export function failure(
  code: Code,
  { reason, fields, retryDelayMs }: { reason?: string; fields?: Record<string, string>; retryDelayMs?: number },
): ConnectError {
  const fieldViolations = Object.entries(fields ?? {}).map(([field, description]) => ({ field, description }));
  const details = [
    ...(reason ? [detail(ErrorInfoSchema, { reason, domain: "playmesh" })] : []),
    ...(fields ? [detail(BadRequestSchema, { fieldViolations })] : []),
    ...(retryDelayMs ? [detail(RetryInfoSchema, { retryDelay: { seconds: 0n, nanos: retryDelayMs * 1e6 } })] : []),
  ];
  return new ConnectError("it failed", code, { "x-request-id": "r1" }, details);
}

function detail<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>) {
  return { desc, value };
}

const { setTimeout: pause } = globalThis; // the real one, also while a test has it mocked

/** Waits until `condition` holds, five seconds at most. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 5_000; !condition(); await new Promise((resolve) => pause(resolve, 5))) {
    if (Date.now() > deadline) throw new Error(`never came true: ${condition}`);
  }
}
