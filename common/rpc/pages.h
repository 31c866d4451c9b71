// Pages (AIP-158) by keyset: a page token holds the sort key of the last entry that was shown.
//
//   ASSIGN_OR_RETURN(const Page page, ReadPage(request));
//   … rows after page.after, limit page.limit() …
//   response.set_next_page_token(FinishPage<Order>(
//       request, page, *response.mutable_orders(),
//       [](const Order& order) { return PageKey{order.order_id()}; }));
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/repeated_field.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace playmesh::rpc {

using PageKey = std::vector<std::string>;

struct Page {
  int size;       // entries wanted: 20 unless the request says else, 100 at most
  PageKey after;  // key of the last entry of the page before; empty on the first page

  bool first() const { return after.empty(); }
  // Entries to ask the database for: one more tells whether there is a next page.
  int limit() const { return size + 1; }
};

// Reads `page_size` and `page_token` of a request. INVALID_ARGUMENT (page_token) when the token is
// not one of this request: it is bound to all other fields, so that filters cannot change between
// pages.
absl::StatusOr<Page> ReadPage(const google::protobuf::Message& request);

// As ReadPage, for lists by descending UUIDv7, the newest entry first: `after` is one UUID on every
// page, on the first one above all others.
absl::StatusOr<Page> ReadNewestFirst(const google::protobuf::Message& request);

// The token for what follows the entry with `key`.
std::string PageToken(const google::protobuf::Message& request, const PageKey& key);

// Cuts `entries`, of which limit() were asked for, to the page, and returns the next page's token,
// empty on the last page.
template <typename Entry>
std::string FinishPage(const google::protobuf::Message& request, const Page& page,
                       google::protobuf::RepeatedPtrField<Entry>& entries,
                       const std::function<PageKey(const Entry&)>& key) {
  if (entries.size() <= page.size) return "";
  entries.DeleteSubrange(page.size, entries.size() - page.size);
  return PageToken(request, key(entries.Get(page.size - 1)));
}

}  // namespace playmesh::rpc
