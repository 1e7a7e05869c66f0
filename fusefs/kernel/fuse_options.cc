// SPDX-License-Identifier: Apache-2.0
#include "fusefs/kernel/fuse_options.h"

namespace glance::fs {
namespace {

/// libfuse splits its options at commas.
std::string escape_commas(const std::string& value) {
  std::string escaped;
  for (const char c : value) {
    if (c == ',' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

std::string fuse_option_list(const Invocation& invocation) {
  const MountOptions& options = invocation.options;
  std::string list = "fsname=" + escape_commas(invocation.spec) + ",subtype=glance";
  list += ",default_permissions";
  if (options.allow_other) list += ",allow_other";
  list += options.read_only ? ",ro" : ",rw";
  for (const auto& flag : options.kernel) list += "," + flag;
  return list;
}

}  // namespace glance::fs
