// SPDX-License-Identifier: Apache-2.0
#include "catalog/config/config_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/base/error.h"
#include "catalog/config/config_reader.h"
#include "catalog/config/database_url.h"
#include "catalog/config/oslo_config.h"
#include "catalog/config/store_config.h"
#include "catalog/text/ascii.h"

namespace glance {
namespace {

using Option = ConfigOption;

void read_database(const ConfigReader& reader, Config& config) {
  // The first is today's spelling, the others are those that old files still hold.
  constexpr std::array<Option, 4> kSpellings = {{{"database", "connection"},
                                                 {"DEFAULT", "sql_connection"},
                                                 {"DATABASE", "sql_connection"},
                                                 {"sql", "connection"}}};
  for (const Option& option : kSpellings) {
    const auto* value = reader.find(option);
    if (value == nullptr) continue;
    if (value->text.find(kSchemeEnd) == std::string::npos) {
      throw Error(Errc::invalid, reader.place(option, *value) +
                                     " the value is not a database URL; allowed: sqlite:////PATH");
    }
    try {
      config.database_url = canonical_database_url(value->text);
    } catch (const Error& error) {
      throw Error(error.code(), reader.place(option, *value) + " " + error.what(), error.words());
    }
    return;
  }
  throw Error(Errc::invalid,
              config.source + ": [database] connection is not set; allowed: sqlite:////PATH");
}

/// `0`, `10737418240`, `10GB`: powers of 1024, as Glance counts.
void read_storage_quota(const ConfigReader& reader, Config& config) {
  const Option option{"DEFAULT", "user_storage_quota"};
  const auto* value = reader.find(option);
  if (value == nullptr || value->text.empty()) return;
  constexpr std::array<std::string_view, 5> kUnits = {"B", "KB", "MB", "GB", "TB"};
  const std::string_view text = value->text;
  std::uint64_t number = 0;
  const auto [stop, failure] = std::from_chars(text.begin(), text.end(), number);
  const std::string_view unit = trim(std::string_view(stop, text.end()));
  const auto* found = std::ranges::find(kUnits, unit.empty() ? "B" : unit);
  const auto shift = 10U * static_cast<unsigned>(found - kUnits.begin());
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (failure != std::errc() || found == kUnits.end() || number > kMax >> shift) {
    reader.refuse(option, *value, "an amount of storage",
                  "a number and one of B, KB, MB, GB, TB; 0 for no limit");
  }
  config.user_storage_quota = number << shift;
}

void read_limits(const ConfigReader& reader, Config& config) {
  constexpr auto kMaxQuota = std::numeric_limits<std::int64_t>::max();
  ImageLimits& limits = config.limits;
  // As oslo.config bounds it: what a signed column can hold.
  reader.number<std::uint64_t>({"DEFAULT", "image_size_cap"}, 1,
                               std::numeric_limits<std::int64_t>::max(), limits.image_size_cap);
  reader.number({"DEFAULT", "image_property_quota"}, -kMaxQuota, kMaxQuota,
                limits.image_property_quota);
  reader.number({"DEFAULT", "image_tag_quota"}, -kMaxQuota, kMaxQuota, limits.image_tag_quota);
  reader.number({"DEFAULT", "image_member_quota"}, -kMaxQuota, kMaxQuota,
                limits.image_member_quota);
  reader.number({"DEFAULT", "image_location_quota"}, -kMaxQuota, kMaxQuota,
                limits.image_location_quota);
  read_storage_quota(reader, config);
  reader.list({"image_format", "disk_formats"}, limits.disk_formats);
  reader.list({"image_format", "container_formats"}, limits.container_formats);
  constexpr auto kMaxPage = std::uint32_t{std::numeric_limits<std::int32_t>::max()};
  reader.number({"DEFAULT", "api_limit_max"}, 1U, kMaxPage, config.api_limit_max);
  reader.number({"DEFAULT", "limit_param_default"}, 1U, kMaxPage, config.limit_param_default);
}

void read_bind_host(const ConfigReader& reader, Config& config) {
  const Option option{"DEFAULT", "bind_host"};
  const auto* value = reader.find(option);
  if (value == nullptr) return;
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_";
  if (value->text.empty() || value->text.find_first_not_of(kAllowed) != std::string::npos) {
    reader.refuse(option, *value, "an address", "an IPv4 or IPv6 address, a host name");
  }
  config.bind_host = value->text;
}

void read_public_endpoint(const ConfigReader& reader, Config& config) {
  const Option option{"DEFAULT", "public_endpoint"};
  const auto* value = reader.find(option);
  if (value == nullptr || value->text.empty()) return;
  std::string_view url = value->text;
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    reader.refuse(option, *value, "a URL", "http://HOST[:PORT][/PATH], https://…");
  }
  while (url.ends_with('/')) url.remove_suffix(1);
  config.public_endpoint = std::string(url);
}

void read_hashing_algorithm(const ConfigReader& reader, Config& config) {
  const Option option{"DEFAULT", "hashing_algorithm"};
  const auto* value = reader.find(option);
  if (value == nullptr) return;
  // Those that OpenSSL and Python's hashlib, with which clients verify, call by the same name.
  constexpr std::array<std::string_view, 7> kAllowed = {"md5",    "sha1",   "sha224",    "sha256",
                                                        "sha384", "sha512", "blake2b512"};
  if (std::ranges::find(kAllowed, value->text) == kAllowed.end()) {
    reader.refuse(option, *value, "a supported hash", fmt::format("{}", fmt::join(kAllowed, ", ")));
  }
  config.hashing_algorithm = value->text;
}

void read_server(const ConfigReader& reader, Config& config) {
  constexpr std::uint32_t kMaxWorkers = 1024;
  constexpr std::uint16_t kMaxPort = std::numeric_limits<std::uint16_t>::max();
  read_bind_host(reader, config);
  reader.number<std::uint16_t>({"DEFAULT", "bind_port"}, 0, kMaxPort, config.bind_port);
  reader.number({"DEFAULT", "workers"}, 0U, kMaxWorkers, config.workers);
  read_public_endpoint(reader, config);
  reader.flag({"DEFAULT", "show_image_direct_url"}, config.show_image_direct_url);
  reader.flag({"DEFAULT", "show_multiple_locations"}, config.show_multiple_locations);
  read_hashing_algorithm(reader, config);
  reader.list({"DEFAULT", "enabled_import_methods"}, config.enabled_import_methods);
  reader.directory({"healthcheck", "disable_by_file_path"}, config.healthcheck_disable_file);
}

void read_glancefs(const OsloConfig& file, const ConfigReader& reader, Config& config) {
  for (const auto& [key, value] : file.section("glancefs")) {
    config.glancefs[key] = {.text = value.text, .place = reader.place({"glancefs", key}, value)};
  }
  reader.seconds({"glancefs", "recovery_interval"}, 1, config.recovery_interval);
}

}  // namespace

Config read_config_file(const std::filesystem::path& path) {
  const OsloConfig file = OsloConfig::read(path);
  const ConfigReader reader(file);
  Config config;
  config.source = path.string();
  read_database(reader, config);
  read_store(reader, config);
  read_staging(reader, config);
  read_limits(reader, config);
  read_server(reader, config);
  read_glancefs(file, reader, config);
  return config;
}

}  // namespace glance
