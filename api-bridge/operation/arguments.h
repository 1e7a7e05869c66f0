// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace glance::api {

/// A mistake on the command line.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An address to listen on.
struct BindAddress {
  std::string host;  ///< IPv6 without brackets
  std::uint16_t port = 0;

  friend bool operator==(const BindAddress&, const BindAddress&) = default;
};

struct Arguments {
  std::string spec;
  std::optional<BindAddress> bind;
  bool create = false;
  bool allow_unauthenticated = false;
};

/// What the command line says; nothing when `--help` or `--version` was asked for, and answered on
/// `out`. Throws UsageError.
[[nodiscard]] std::optional<Arguments> parse_arguments(int argc, const char* const* argv,
                                                       std::ostream& out);

/// `127.0.0.1:9292`, `[::1]:9292`, `localhost:0`. Throws UsageError.
[[nodiscard]] BindAddress parse_bind(std::string_view text);

}  // namespace glance::api
