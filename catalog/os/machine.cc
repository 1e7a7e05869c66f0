// SPDX-License-Identifier: Apache-2.0
#include "catalog/os/machine.h"

#include <fstream>

#include "catalog/base/error.h"

namespace glance {

namespace {

constexpr const char* kBootId = "/proc/sys/kernel/random/boot_id";

class ThisMachine final : public Machine {
 public:
  [[nodiscard]] std::string boot_id() const override {
    std::string id;
    if (std::ifstream(kBootId) >> id) return id;
    throw Error(Errc::io, std::string("cannot read ") + kBootId);
  }
  [[nodiscard]] std::chrono::steady_clock::time_point monotonic() const noexcept override {
    return std::chrono::steady_clock::now();
  }
};

}  // namespace

std::shared_ptr<const Machine> Machine::this_one() {
  return std::make_shared<const ThisMachine>();
}

}  // namespace glance
