// @playmesh/client: see README.md.
export { Code } from "@connectrpc/connect";
export { PlaymeshError, type Reason } from "./errors.js";
export { type Amount, formatMoney } from "./money.js";
export type { WatchOptions, WatchedNotification } from "./notifications.js";
export { pages } from "./pages.js";
export { type Playmesh, type PlaymeshOptions, createPlaymesh } from "./playmesh.js";
export { newRequestId } from "./retry.js";
export type { Session } from "./session.js";
export { type SessionStorage, type StoredSession, memoryStorage, webStorage } from "./storage.js";

// Messages and enums, by service: `catalog.SearchOrder.NEWEST`, `purchase.OrderState.COMPLETED`.
export * as analytics from "./gen/playmesh/analytics/v1/analytics_service_pb.js";
export * as catalog from "./gen/playmesh/catalog/v1/catalog_service_pb.js";
export * as identity from "./gen/playmesh/identity/v1/identity_service_pb.js";
export * as library from "./gen/playmesh/library/v1/library_service_pb.js";
export * as notification from "./gen/playmesh/notification/v1/notification_service_pb.js";
export * as payment from "./gen/playmesh/payment/v1/payment_service_pb.js";
export * as purchase from "./gen/playmesh/purchase/v1/purchase_service_pb.js";
