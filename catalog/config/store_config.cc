// SPDX-License-Identifier: Apache-2.0
#include "catalog/config/store_config.h"

#include <algorithm>
#include <limits>
#include <map>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalog/base/error.h"
#include "catalog/text/ascii.h"

namespace glance {
namespace {

namespace fs = std::filesystem;
using Option = ConfigOption;

void read_datadir(const ConfigReader& reader, std::string_view section, Config& config) {
  const Option several{section, "filesystem_store_datadirs"};
  if (const auto* value = reader.find(several)) {
    // Not to be ignored: the images would be looked for, and put, in a wrong place.
    throw Error(Errc::unsupported, reader.place(several, *value) +
                                       " several directories in one store are not supported yet; "
                                       "allowed: filesystem_store_datadir");
  }
  reader.directory({section, "filesystem_store_datadir"}, config.filesystem_store_datadir);
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

}  // namespace

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

std::filesystem::path default_staging(const std::filesystem::path& datadir) {
  return datadir / ".staging";
}

void read_staging(const ConfigReader& reader, Config& config) {
  config.staging_datadir = default_staging(config.filesystem_store_datadir);
  if (config.enabled_backends) {
    config.staging_datadir = "/var/lib/glance/os_glance_staging_store";
    reader.directory({"os_glance_staging_store", "filesystem_store_datadir"},
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

}  // namespace glance
