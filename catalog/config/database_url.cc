// SPDX-License-Identifier: Apache-2.0
#include "catalog/config/database_url.h"

#include <fmt/format.h>

#include "catalog/base/error.h"

namespace glance {
namespace {

constexpr std::string_view kSqlite = "sqlite:///";

/// "sqlite" of "sqlite:////x". Messages show nothing else of a URL: there may be a password in it.
/// Error: invalid, if that is no scheme.
std::string_view scheme_of(std::string_view url) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789+-._";
  const std::string_view scheme = url.substr(0, url.find(kSchemeEnd));
  if (scheme.empty() || scheme.find_first_not_of(kAllowed) != std::string_view::npos) {
    throw Error(Errc::invalid, "the URL does not begin with a scheme; allowed: sqlite:////PATH");
  }
  return scheme;
}

}  // namespace

std::string sqlite_url(const std::filesystem::path& path) {
  return std::string(kSqlite) + std::filesystem::absolute(path).lexically_normal().string();
}

std::filesystem::path sqlite_path(const std::string& url) {
  return url.substr(kSqlite.size());
}

std::string canonical_database_url(std::string_view url) {
  const std::string_view scheme = scheme_of(url);
  const std::string_view engine = scheme.substr(0, scheme.find('+'));
  if (engine != "sqlite") {
    throw Error(Errc::unsupported,
                fmt::format("databases of the kind '{}' are not supported yet; allowed: "
                            "sqlite:////PATH",
                            scheme));
  }
  std::string_view path = url.substr(scheme.size() + kSchemeEnd.size());
  path = path.substr(0, path.find('?'));
  if (!path.starts_with('/')) {
    throw Error(Errc::invalid,
                "a sqlite URL names no host; allowed: sqlite:////PATH (absolute), "
                "sqlite:///PATH (relative)");
  }
  path.remove_prefix(1);
  if (path.empty() || path == ":memory:") {
    throw Error(Errc::unsupported,
                "the catalog cannot live in memory, several processes share it; allowed: "
                "sqlite:////PATH");
  }
  return sqlite_url(path);
}

}  // namespace glance
