// Names of the metadata that the mesh's calls carry.
#pragma once

namespace playmesh::rpc {

inline constexpr char kAuthorizationHeader[] =
    "authorization";  // "Bearer …": a user's access token
inline constexpr char kServiceTokenHeader[] =
    "x-playmesh-service";  // a service's token; the edge drops it
inline constexpr char kRequestIdHeader[] = "x-request-id";
inline constexpr char kTraceparentHeader[] = "traceparent";

}  // namespace playmesh::rpc
