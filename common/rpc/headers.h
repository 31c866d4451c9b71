// Names of the metadata that the mesh's calls carry; other metadata does not reach a handler.
#pragma once

namespace playmesh::rpc {

// "Bearer …": a user's access token.
inline constexpr char kAuthorizationHeader[] = "authorization";
// A service's token; the edge drops it.
inline constexpr char kServiceTokenHeader[] = "x-playmesh-service";
inline constexpr char kRequestIdHeader[] = "x-request-id";
inline constexpr char kTraceparentHeader[] = "traceparent";
// Signature of a payment provider's webhook.
inline constexpr char kStripeSignatureHeader[] = "stripe-signature";

inline constexpr const char* kKeptHeaders[] = {kAuthorizationHeader, kServiceTokenHeader,
                                               kRequestIdHeader, kTraceparentHeader,
                                               kStripeSignatureHeader};

}  // namespace playmesh::rpc
