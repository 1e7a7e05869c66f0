// SPDX-License-Identifier: Apache-2.0
#include "fusefs/daemon/mount_source.h"

#include <filesystem>

#include "catalog/text/ascii.h"
#include "fusefs/daemon/start_failure.h"

namespace glance::fs {
namespace {

constexpr std::string_view kSchemeEnd = "://";

/// Some database drivers take the password from the query too.
bool query_holds_password(std::string_view query) {
  const std::string text = "&" + lower_case(query);
  return text.find("&password=") != std::string::npos || text.find("&passwd=") != std::string::npos;
}

/// The part of a URL, after its scheme, that may name user and password.
std::string_view before_host(std::string_view scheme, std::string_view rest) {
  if (scheme == "http" || scheme == "https") {
    rest = rest.substr(0, rest.find_first_of("/?#"));
  }
  // In a database URL, as SQLAlchemy reads it, a password may hold '/' and '?'.
  const std::size_t at = rest.find('@');
  return at == std::string_view::npos ? std::string_view() : rest.substr(0, at);
}

}  // namespace

std::string mount_source(const std::string& spec) {
  if (holds_password(spec)) {
    throw StartFailure(
        ExitCode::usage,
        "a URL with a password would be readable for everyone in /proc/mounts: write it as "
        "`connection` into the [database] section of a configuration file, and mount that");
  }
  if (spec.empty() || spec.find(kSchemeEnd) != std::string::npos) return spec;
  const std::filesystem::path path(spec);
  return path.is_absolute() ? spec : std::filesystem::absolute(path).lexically_normal().string();
}

bool holds_password(std::string_view spec) {
  const std::size_t scheme_end = spec.find(kSchemeEnd);
  if (scheme_end == std::string_view::npos) return false;
  const std::string_view rest = spec.substr(scheme_end + kSchemeEnd.size());
  const std::size_t query = rest.find('?');
  if (query != std::string_view::npos && query_holds_password(rest.substr(query + 1))) return true;
  const std::string_view user = before_host(lower_case(spec.substr(0, scheme_end)), rest);
  const std::size_t colon = user.find_first_of(":/");  // a user's name holds neither
  return colon != std::string_view::npos && user[colon] == ':' && colon + 1 < user.size();
}

}  // namespace glance::fs
