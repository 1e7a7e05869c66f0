// SPDX-License-Identifier: Apache-2.0
#include "fusefs/kernel.h"

#include <array>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fusefs/cache_keeper.h"
#include "fusefs/filesystem.h"
#include "fusefs/operations.h"

namespace glance::fs {

namespace {

// Requests in flight: reads and seals block on disk, so more than there are cores.
constexpr unsigned kMaxThreads = 16;
constexpr unsigned kMaxIdleThreads = 8;

/// libfuse splits its options at commas.
std::string escape_commas(const std::string& value) {
  std::string escaped;
  for (const char c : value) {
    if (c == ',' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string fuse_option_list(const Invocation& invocation) {
  const MountOptions& options = invocation.options;
  // mount -a compares the source as written with fstab's, or it would mount a second time.
  std::string list = "fsname=" + escape_commas(invocation.spec) + ",subtype=glance";
  list += ",default_permissions";
  if (options.allow_other) list += ",allow_other";
  list += options.read_only ? ",ro" : ",rw";
  for (const auto& flag : options.kernel) list += "," + flag;
  return list;
}

/// Octal escapes of /proc/self/mountinfo undone.
std::string unescape_mountinfo(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// st_dev of what is mounted at `directory`, without a stat that we would have to answer.
dev_t mounted_device(const std::string& directory) {
  std::ifstream mounts("/proc/self/mountinfo");
  dev_t device = 0;
  std::string id;
  std::string parent;
  std::string numbers;
  std::string root;
  std::string point;
  std::string rest;
  while (mounts >> id >> parent >> numbers >> root >> point && std::getline(mounts, rest)) {
    if (unescape_mountinfo(point) != directory) continue;
    const auto colon = numbers.find(':');
    device = makedev(static_cast<unsigned>(std::stoul(numbers.substr(0, colon))),
                     static_cast<unsigned>(std::stoul(numbers.substr(colon + 1))));
  }
  return device;  // of the topmost mount, which is listed last
}

}  // namespace

class Mount::Session {
 public:
  Session(Catalog& catalog, const Invocation& invocation)
      : cache_keeper_([this] { filesystem_.refresh(); },
                      [this](const Invalidation& each) { forget(each); }),
        filesystem_(catalog, invocation.options, [this](std::vector<Invalidation> changed) {
          cache_keeper_.enqueue(std::move(changed));
        }) {
    const std::string list = fuse_option_list(invocation);
    std::array<std::string, 3> arguments = {"glancefs", "-o", list};
    std::array<char*, 3> pointers = {arguments[0].data(), arguments[1].data(), arguments[2].data()};
    fuse_args args = FUSE_ARGS_INIT(static_cast<int>(pointers.size()), pointers.data());
    const auto operations = make_operations();
    session_ = fuse_session_new(&args, &operations, sizeof operations, &filesystem_);
    fuse_opt_free_args(&args);
    if (session_ == nullptr) throw Error(Errc::io, "FUSE refused the mount options");
    if (fuse_session_mount(session_, invocation.directory.c_str()) != 0) {
      fuse_session_destroy(session_);
      throw Error(Errc::io, "cannot mount on " + invocation.directory);
    }
    filesystem_.files().set_device(mounted_device(invocation.directory));
  }

  ~Session() {
    cache_keeper_.stop();
    fuse_session_unmount(session_);
    fuse_session_destroy(session_);
    filesystem_.files().close_all();
  }

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void run() {
    if (fuse_set_signal_handlers(session_) != 0) {
      throw Error(Errc::io, "cannot set signal handlers");
    }
    cache_keeper_.start();
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, kMaxThreads);
    fuse_loop_cfg_set_idle_threads(config, kMaxIdleThreads);
    const int result = fuse_session_loop_mt(session_, config);
    fuse_loop_cfg_destroy(config);
    fuse_remove_signal_handlers(session_);
    if (result < 0) throw Error(Errc::io, std::string("FUSE loop: ") + std::strerror(-result));
  }

 private:
  void forget(const Invalidation& each) {
    // ENOENT says that the kernel had nothing cached.
    if (each.inode != 0) fuse_lowlevel_notify_inval_inode(session_, each.inode, -1, 0);
    if (each.parent != 0) {
      fuse_lowlevel_notify_inval_entry(session_, each.parent, each.name.c_str(), each.name.size());
    }
  }

  CacheKeeper cache_keeper_;
  Filesystem filesystem_;
  fuse_session* session_ = nullptr;
};

Mount::Mount(Catalog& catalog, const Invocation& invocation)
    : session_(std::make_unique<Session>(catalog, invocation)) {}

Mount::~Mount() = default;

void Mount::run() {
  session_->run();
}

}  // namespace glance::fs
