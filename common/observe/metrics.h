// Metrics, as Prometheus reads them from /metrics.
//
//   static auto& captured = observe::Counter("payments_captured_total", "Payments captured.");
//   captured.Increment();
//
// Names and labels follow Prometheus' naming rules: base units, `_total` for counters; labels have
// few values (never an id). The references are valid for the life of the process, and cheap to use:
// look them up once, not for each request.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace playmesh::observe {

using Labels = std::map<std::string, std::string>;

// Every name gets the prefix "playmesh_".
prometheus::Counter& Counter(const std::string& name, const std::string& help,
                             const Labels& labels = {});
prometheus::Gauge& Gauge(const std::string& name, const std::string& help,
                         const Labels& labels = {});
// Buckets from 0.5 ms to 10 s; observe seconds.
prometheus::Histogram& Latency(const std::string& name, const std::string& help,
                               const Labels& labels = {});

// Serves /metrics on an address such as "127.0.0.1:9100" as long as it lives.
class Exporter {
 public:
  static absl::StatusOr<std::unique_ptr<Exporter>> Start(const std::string& address);
  virtual ~Exporter() = default;
};

// The text that /metrics answers with; for tests.
std::string Expose();

}  // namespace playmesh::observe
