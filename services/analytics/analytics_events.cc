#include "services/analytics/analytics_events.h"

namespace playmesh::analytics {
namespace {

using purchase::v1::OrderItem;

absl::Status AddFact(Transaction& tx, const std::string& order_id, const OrderItem& item,
                     absl::string_view kind, const google::protobuf::Timestamp& time) {
  return AsStatus(tx.Execute(R"(
      insert into sale_facts (order_id, edition_id, kind, organisation_id, game_id, game_title,
                              currency_code, units_minor, fact_time)
      values (:order_id, :edition_id, :kind, :organisation_id, :game_id, :game_title,
              :currency_code, :units_minor, :fact_time)
      on conflict do nothing)",
                             order_id, item.edition_id(), kind, item.organisation_id(),
                             item.game_id(), item.game_title(), item.price().currency_code(),
                             item.price().units_minor(), time));
}

// What costs nothing is claimed, not sold, whatever else is in the order.
bool IsFree(const OrderItem& item) { return item.price().units_minor() == 0; }

}  // namespace

void AnalyticsEvents::Register(Consumer& consumer) {
  consumer.On<purchase::v1::PurchaseCompleted>(&AnalyticsEvents::AddSales, this);
  consumer.On<purchase::v1::PurchaseRefunded>(&AnalyticsEvents::AddRefunds, this);
}

absl::Status AnalyticsEvents::AddSales(Transaction& tx,
                                       const purchase::v1::PurchaseCompleted& event,
                                       const EventInfo&) {
  for (const OrderItem& item : event.items()) {
    RETURN_IF_ERROR(AddFact(tx, event.order_id(), item, IsFree(item) ? "claim" : "sale",
                            event.complete_time()));
  }
  return absl::OkStatus();
}

absl::Status AnalyticsEvents::AddRefunds(Transaction& tx,
                                         const purchase::v1::PurchaseRefunded& event,
                                         const EventInfo&) {
  for (const OrderItem& item : event.items()) {
    if (IsFree(item)) continue;  // no money went back
    RETURN_IF_ERROR(AddFact(tx, event.order_id(), item, "refund", event.refund_time()));
  }
  return absl::OkStatus();
}

}  // namespace playmesh::analytics
