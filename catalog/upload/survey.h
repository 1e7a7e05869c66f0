// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "catalog/base/error.h"
#include "catalog/model/image.h"
#include "catalog/store/stores.h"

namespace glance {

/// What the store knows of the places that locations name, for work inside of transactions: these
/// wait for no store, which may be slow or hang, while everybody else waits for them.
///
///     Survey survey(stores);
///     survey.complete([&] { return database.write([&](Session& sql) { … survey.size(…) … }); });
///
/// What nobody has looked into yet ends the transaction; the look is taken between two attempts.
/// One thread at a time.
class Survey {
 public:
  /// `stores` must outlive it.
  explicit Survey(const Stores& stores) : stores_(stores) {}

  /// Runs `work` until all that it asks is known.
  template <typename Work>
  auto complete(Work&& work) {
    for (;;) {
      try {
        return work();
      } catch (const Unknown&) {
        look();
      }
    }
  }

  /// Stores::canonical_url() of the URL.
  [[nodiscard]] std::optional<std::string> canonical_url(const std::string& url);

  /// Whether one of the URLs names the same place as `url`, however it is spelled.
  [[nodiscard]] bool has_place(std::span<const std::string> urls, const std::string& url);

  /// The size of the data there, in bytes. Errors: those of Stores::open().
  [[nodiscard]] std::uint64_t size(const Location& location);

 private:
  /// Thrown by a question without an answer; no Error, which others could take for one.
  struct Unknown {};

  struct Data {
    std::uint64_t size = 0;  // bytes
    std::optional<Error> failure;
  };

  void look();
  [[nodiscard]] Data look_at(const Location& location) const;
  void require_known(const std::string& url);

  const Stores& stores_;
  std::map<std::string, std::optional<std::string>> canonical_;  // by URL
  std::map<std::string, Data> data_;                             // by URL
  std::set<std::string> unknown_places_;
  std::map<std::string, Location> unknown_data_;  // by URL
};

}  // namespace glance
