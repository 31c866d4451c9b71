// The way in.
import { type Client, type Interceptor, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { authenticate } from "./authenticate.js";
import { throwingPlaymeshErrors } from "./errors.js";
import { AnalyticsService } from "./gen/playmesh/analytics/v1/analytics_service_pb.js";
import { CatalogService } from "./gen/playmesh/catalog/v1/catalog_service_pb.js";
import { IdentityService } from "./gen/playmesh/identity/v1/identity_service_pb.js";
import { LibraryService } from "./gen/playmesh/library/v1/library_service_pb.js";
import { NotificationService } from "./gen/playmesh/notification/v1/notification_service_pb.js";
import { PaymentService } from "./gen/playmesh/payment/v1/payment_service_pb.js";
import { PurchaseService } from "./gen/playmesh/purchase/v1/purchase_service_pb.js";
import { type WatchOptions, type WatchedNotification, watchNotifications } from "./notifications.js";
import { fillRequestIds, retryUnavailable } from "./retry.js";
import { Session } from "./session.js";
import { type SessionStorage, memoryStorage } from "./storage.js";

const DEFAULT_TIMEOUT_MS = 15_000;

/** How to reach Playmesh. */
export interface PlaymeshOptions {
  /** Address of the edge, such as "https://api.example.com". */
  baseUrl: string;
  /** Where the session is kept; until the page is left when absent. */
  storage?: SessionStorage;
  /** How long a call may take with all its tries, in milliseconds; 15 seconds when absent. A call's own `timeoutMs` wins. */
  timeoutMs?: number;
  /** Instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** Seen by each try of each call, last before the wire: for logs and traces. */
  interceptors?: Interceptor[];
}

/** A client for each service, and the session that they share. All calls throw `PlaymeshError`. */
export interface Playmesh {
  readonly session: Session;
  readonly identity: Client<typeof IdentityService>;
  readonly catalog: Client<typeof CatalogService>;
  readonly purchase: Client<typeof PurchaseService>;
  readonly payment: Client<typeof PaymentService>;
  readonly library: Client<typeof LibraryService>;
  readonly notification: Client<typeof NotificationService>;
  readonly analytics: Client<typeof AnalyticsService>;
  /** The notifications of whoever is signed in, as they come; see `watchNotifications`. */
  watchNotifications(options?: WatchOptions): AsyncGenerator<WatchedNotification, void, undefined>;
}

/** Opens nothing yet: connections are made by the first call. */
export function createPlaymesh(options: PlaymeshOptions): Playmesh {
  const { baseUrl, storage = memoryStorage(), timeoutMs = DEFAULT_TIMEOUT_MS, interceptors = [] } = options;
  const transport = (outer: Interceptor[]) =>
    createGrpcWebTransport({
      baseUrl,
      defaultTimeoutMs: timeoutMs,
      interceptors: [...outer, fillRequestIds, retryUnavailable, ...interceptors],
      ...(options.fetch && { fetch: options.fetch }),
    });
  const session = new Session(createClient(IdentityService, transport([])), storage);
  const authenticated = throwingPlaymeshErrors(transport([authenticate(session)]));
  const notification = createClient(NotificationService, authenticated);
  return {
    session,
    identity: createClient(IdentityService, authenticated),
    catalog: createClient(CatalogService, authenticated),
    purchase: createClient(PurchaseService, authenticated),
    payment: createClient(PaymentService, authenticated),
    library: createClient(LibraryService, authenticated),
    notification,
    analytics: createClient(AnalyticsService, authenticated),
    watchNotifications: (watch) => watchNotifications(notification, session, watch),
  };
}
