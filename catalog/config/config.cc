// SPDX-License-Identifier: Apache-2.0
#include "catalog/config/config.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <map>
#include <ranges>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/base/error.h"
#include "catalog/config/config_reader.h"
#include "catalog/config/oslo_config.h"
#include "catalog/text/ascii.h"

namespace glance {
namespace {

namespace fs = std::filesystem;
using Option = ConfigOption;

constexpr std::string_view kSchemeEnd = "://";
constexpr std::string_view kSqlite = "sqlite:///";
constexpr std::string_view kDatabaseName = "glance.sqlite";
constexpr std::string_view kStagingName = ".staging";

// ── database URLs ─────────────────────────────────────────────────────────────────────────────

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

std::string sqlite_url(const fs::path& path) {
  return std::string(kSqlite) + fs::absolute(path).lexically_normal().string();
}

/// The URL as the catalog's database wants it: an absolute path, since a daemon changes its working
/// directory, and nothing behind it. Errors: invalid, unsupported.
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

// ── values of a glance-api.conf ───────────────────────────────────────────────────────────────

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

void read_directory(const ConfigReader& reader, const Option& option, fs::path& target) {
  const auto* value = reader.find(option);
  if (value == nullptr || value->text.empty()) return;
  if (!value->text.starts_with('/')) reader.refuse(option, *value, "an absolute path", "/PATH");
  target = fs::path(value->text).lexically_normal();
}

void read_datadir(const ConfigReader& reader, std::string_view section, Config& config) {
  const Option several{section, "filesystem_store_datadirs"};
  if (const auto* value = reader.find(several)) {
    // Not to be ignored: the images would be looked for, and put, in a wrong place.
    throw Error(Errc::unsupported, reader.place(several, *value) +
                                       " several directories in one store are not supported yet; "
                                       "allowed: filesystem_store_datadir");
  }
  read_directory(reader, {section, "filesystem_store_datadir"}, config.filesystem_store_datadir);
  constexpr std::uint64_t kMaxChunk = std::numeric_limits<std::int32_t>::max();
  reader.number<std::uint64_t>({section, "filesystem_store_chunk_size"}, 1, kMaxChunk,
                               config.filesystem_store_chunk_size);
  reader.flag({section, "filesystem_thin_provisioning"}, config.filesystem_thin_provisioning);
  if (const auto* text = reader.find({section, "store_description"})) {
    config.store_description = text->text;
  }
}

bool is_file_store(std::string_view type) {
  return type == "file" || type == "filesystem";
}

/// `[glance_store] stores` and `default_store`: one store of each type at most.
void read_single_store(const ConfigReader& reader, Config& config) {
  const auto refuse = [&reader](const Option& option, const OsloConfig::Value& value) {
    throw Error(Errc::unsupported,
                fmt::format("{} stores of the type '{}' are not supported yet; allowed: file",
                            reader.place(option, value), value.text));
  };
  const Option default_store{"glance_store", "default_store"};
  if (const auto* value = reader.find(default_store); value && !is_file_store(value->text)) {
    refuse(default_store, *value);
  }
  const Option stores{"glance_store", "stores"};
  if (const auto* value = reader.find(stores)) {
    if (std::ranges::none_of(ConfigReader::split_list(value->text), is_file_store))
      refuse(stores, *value);
  }
  read_datadir(reader, "glance_store", config);
}

/// "fast:file, ceph:rbd" → {{"fast", "file"}, {"ceph", "rbd"}}
std::map<std::string, std::string> read_backends(const ConfigReader& reader, const Option& option,
                                                 const OsloConfig::Value& value) {
  std::map<std::string, std::string> backends;
  for (const std::string& item : ConfigReader::split_list(value.text)) {
    const std::size_t colon = item.find(':');
    const std::string id(trim(std::string_view(item).substr(0, colon)));
    if (colon == std::string::npos || id.empty() || id.starts_with("os_glance_")) {
      reader.refuse(option, value, "a list of stores",
                    "ID:TYPE, … with ids that do not begin with os_glance_");
    }
    backends.insert_or_assign(id, trim(std::string_view(item).substr(colon + 1)));
  }
  return backends;
}

/// `[DEFAULT] enabled_backends` and `[glance_store] default_backend`, each store's options in a
/// section that bears its id.
void read_default_backend(const ConfigReader& reader,
                          const std::map<std::string, std::string>& backends, Config& config) {
  const Option option{"glance_store", "default_backend"};
  const auto* value = reader.find(option);
  if (value == nullptr) {
    throw Error(Errc::invalid, config.source +
                                   ": [glance_store] default_backend must be set where "
                                   "enabled_backends is; allowed: one of its ids");
  }
  const auto found = backends.find(value->text);
  if (found == backends.end()) {
    std::vector<std::string> ids(backends.size());
    std::ranges::copy(std::views::keys(backends), ids.begin());
    reader.refuse(option, *value, "in enabled_backends", fmt::format("{}", fmt::join(ids, ", ")));
  }
  const auto& [id, type] = *found;
  if (type != "file") {
    throw Error(Errc::unsupported,
                fmt::format("{} the store '{}' is of the type '{}', which is not supported yet; "
                            "allowed: file",
                            reader.place(option, *value), id, type));
  }
  config.store_id = id;
  config.filesystem_store_datadir = fs::path("/var/lib/glance") / id;
  read_datadir(reader, id, config);
}

void read_store(const ConfigReader& reader, Config& config) {
  const Option option{"DEFAULT", "enabled_backends"};
  const auto* value = reader.find(option);
  const auto backends =
      value ? read_backends(reader, option, *value) : std::map<std::string, std::string>();
  config.enabled_backends = !backends.empty();
  if (config.enabled_backends) {
    read_default_backend(reader, backends, config);
  } else {
    read_single_store(reader, config);
  }
}

/// A directory in the store, or with several stores that of the reserved one. Glance's own default,
/// /tmp/staging, is anybody's to make.
void read_staging(const ConfigReader& reader, Config& config) {
  if (config.enabled_backends) {
    config.staging_datadir = "/var/lib/glance/os_glance_staging_store";
    read_directory(reader, {"os_glance_staging_store", "filesystem_store_datadir"},
                   config.staging_datadir);
    return;
  }
  const Option option{"DEFAULT", "node_staging_uri"};
  const auto* value = reader.find(option);
  if (value == nullptr || value->text.empty()) return;
  constexpr std::string_view kScheme = "file://";
  const std::string_view uri = value->text;
  if (!uri.starts_with(kScheme) || !uri.substr(kScheme.size()).starts_with('/')) {
    reader.refuse(option, *value, "the URI of a directory", "file:///PATH");
  }
  config.staging_datadir = fs::path(uri.substr(kScheme.size())).lexically_normal();
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
  read_directory(reader, {"healthcheck", "disable_by_file_path"}, config.healthcheck_disable_file);
}

void read_glancefs(const OsloConfig& file, const ConfigReader& reader, Config& config) {
  for (const auto& [key, value] : file.section("glancefs")) {
    config.glancefs[key] = {.text = value.text, .place = reader.place({"glancefs", key}, value)};
  }
  reader.seconds({"glancefs", "recovery_interval"}, 1, config.recovery_interval);
}

// ── SPECs ─────────────────────────────────────────────────────────────────────────────────────

constexpr std::string_view kCreateHint =
    "`-o create` (mount) or `--create` makes a new catalog there";

Config embedded_config(const std::string& spec, bool create) {
  fs::path directory = fs::absolute(spec).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();  // "/srv/glance/"
  const fs::path database = directory / kDatabaseName;
  std::error_code failure;
  const bool there = fs::exists(database, failure);
  if (failure) throw_errno(failure.value(), database.string());
  if (!there && !create) {
    throw Error(Errc::not_found, fmt::format("there is no {} in {}; {}", kDatabaseName,
                                             directory.string(), kCreateHint));
  }
  Config config;
  config.source = spec;
  config.database_url = sqlite_url(database);
  config.filesystem_store_datadir = directory / "images";
  config.staging_datadir = directory / "staging";
  return config;
}

/// Somebody who names the database file itself means its URL; as a configuration file it would
/// only earn a puzzling syntax error.
void refuse_database_file(const fs::path& path) {
  constexpr std::string_view kMagic = "SQLite format 3";
  std::array<char, kMagic.size()> head{};
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  if (std::string_view(head.data(), head.size()) == kMagic) {
    throw Error(Errc::invalid,
                fmt::format("{} is a SQLite database, not a glance-api.conf; allowed: {}",
                            path.string(), sqlite_url(path)));
  }
}

}  // namespace

Config read_spec(const std::string& spec, bool create) {
  if (spec.empty()) {
    throw Error(Errc::invalid,
                "the SPEC is empty; allowed: a directory, a glance-api.conf, sqlite:////PATH");
  }
  if (spec.find(kSchemeEnd) != std::string::npos) {
    Config config;
    config.database_url = canonical_database_url(spec);
    config.staging_datadir = config.filesystem_store_datadir / kStagingName;
    config.source = spec.substr(0, spec.find('?'));
    return config;
  }
  std::error_code failure;
  const fs::file_status status = fs::status(spec, failure);
  switch (status.type()) {
    case fs::file_type::directory:
      return embedded_config(spec, create);
    case fs::file_type::not_found:
      if (create) return embedded_config(spec, create);
      throw Error(Errc::not_found, fmt::format("{} does not exist; {}", spec, kCreateHint));
    case fs::file_type::none:
      throw_errno(failure.value(), spec);
    case fs::file_type::regular:
    case fs::file_type::symlink:
    case fs::file_type::block:
    case fs::file_type::character:
    case fs::file_type::fifo:
    case fs::file_type::socket:
    case fs::file_type::unknown:
      break;
  }
  if (status.type() == fs::file_type::regular) refuse_database_file(spec);
  return read_config_file(spec);
}

Config read_config_file(const std::filesystem::path& path) {
  const OsloConfig file = OsloConfig::read(path);
  const ConfigReader reader(file);
  Config config;
  config.source = path.string();
  read_database(reader, config);
  read_store(reader, config);
  config.staging_datadir = config.filesystem_store_datadir / kStagingName;
  read_staging(reader, config);
  read_limits(reader, config);
  read_server(reader, config);
  read_glancefs(file, reader, config);
  return config;
}

std::vector<std::filesystem::path> local_paths(const Config& config) {
  return {config.database_url.substr(kSqlite.size()), config.filesystem_store_datadir};
}

}  // namespace glance
