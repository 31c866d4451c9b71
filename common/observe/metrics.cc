#include "common/observe/metrics.h"

#include <prometheus/exposer.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "absl/strings/str_cat.h"

namespace playmesh::observe {
namespace {

std::shared_ptr<prometheus::Registry> Registry() {
  static auto* registry =
      new std::shared_ptr<prometheus::Registry>(std::make_shared<prometheus::Registry>());
  return *registry;
}

class PrometheusExporter : public Exporter {
 public:
  explicit PrometheusExporter(const std::string& address) : exposer_(address, /*num_threads=*/1) {
    exposer_.RegisterCollectable(Registry());
  }

 private:
  prometheus::Exposer exposer_;
};

std::string Prefixed(const std::string& name) { return absl::StrCat("playmesh_", name); }

}  // namespace

prometheus::Counter& Counter(const std::string& name, const std::string& help,
                             const Labels& labels) {
  return prometheus::BuildCounter()
      .Name(Prefixed(name))
      .Help(help)
      .Register(*Registry())
      .Add(labels);
}

prometheus::Gauge& Gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return prometheus::BuildGauge().Name(Prefixed(name)).Help(help).Register(*Registry()).Add(labels);
}

prometheus::Histogram& Latency(const std::string& name, const std::string& help,
                               const Labels& labels) {
  static const prometheus::Histogram::BucketBoundaries seconds = {
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0};
  return prometheus::BuildHistogram()
      .Name(Prefixed(name))
      .Help(help)
      .Register(*Registry())
      .Add(labels, seconds);
}

absl::StatusOr<std::unique_ptr<Exporter>> Exporter::Start(const std::string& address) {
  try {
    return std::make_unique<PrometheusExporter>(address);
  } catch (const std::exception& e) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve metrics on ", address, ": ", e.what()));
  }
}

std::string Expose() { return prometheus::TextSerializer().Serialize(Registry()->Collect()); }

}  // namespace playmesh::observe
