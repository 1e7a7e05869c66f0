// SPDX-License-Identifier: Apache-2.0
// glancefs: mounts an image catalog.

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "catalog/config/spec.h"
#include "catalog/recovery_loop.h"
#include "catalog/text/one_line.h"
#include "fusefs/base/mount_options.h"
#include "fusefs/daemon/background.h"
#include "fusefs/daemon/log.h"
#include "fusefs/daemon/mount_namespace.h"
#include "fusefs/daemon/mount_point.h"
#include "fusefs/daemon/mount_source.h"
#include "fusefs/daemon/start_failure.h"
#include "fusefs/kernel/kernel.h"
#include "version.h"

namespace {

namespace po = boost::program_options;
using glance::Catalog;
using glance::Error;
using glance::fs::ExitCode;
using glance::fs::Invocation;
using glance::fs::MountNamespace;
using glance::fs::MountOptions;
using glance::fs::StartFailure;

constexpr const char* kUsage =
    "usage: glancefs SPEC DIR [-o OPTION[,OPTION…]] [-f] [-N NAMESPACE] [--check]\n"
    "\n"
    "Mounts the image catalog SPEC (a glance-api.conf, a directory or a database URL) on DIR.\n"
    "\n"
    "  -o, --options LIST\n"
    "                    create             make the catalog if there is none\n"
    "                    ro, rw             read-only or not\n"
    "                    allow_other        other users may use the mount (root's default)\n"
    "                    uid=U, gid=G       owner and group of the files, by name or number\n"
    "                    umask=OCTAL        permissions that are taken away (022)\n"
    "                    owner=PROJECT      project that new images belong to\n"
    "                    visibility=V       of new images: public, private, shared, community\n"
    "                    overwrite=HOW      cp over an image's file: refuse, replace (refuse)\n"
    "                    replaced=FATE      of an image that is replaced: delete, hide (delete)\n"
    "                    commit_linger=SEC  a file closed after random access is published so\n"
    "                                       much later, unless it is opened again (10)\n"
    "                    drain=SEC          how long uploads may go on after SIGTERM (10)\n"
    "                    show_views         list .by-id, .by-tag and the digest files\n"
    "                    log_level=LEVEL    debug, info, warning, error (info)\n"
    "                    noallow_other, nocreate, noshow_views\n"
    "                    nosuid, noexec, …  mount(8)'s own flags\n"
    "  -f, --foreground  stay in the foreground and log to stderr\n"
    "  -N, --namespace NAMESPACE\n"
    "                    mount in that mount namespace: a process id or a file\n"
    "      --check       check the call, but mount nothing\n"
    "  -h, --help        print this and exit\n"
    "      --version     print the version and exit\n"
    "\n"
    "Defaults of the options may stand in SPEC's section [glancefs]; see glancefs.conf(5).\n"
    "\n"
    "Exit codes:\n"
    "  0   mounted and usable; with -f: unmounted in order\n"
    "  1   the call is wrong, or the caller may not mount there\n"
    "  2   the system failed: no /dev/fuse, no memory\n"
    "  8   interrupted before the mount was ready\n"
    "  32  the mount failed: catalog, configuration, store or mount point\n";

struct Arguments {
  std::string spec;
  std::string directory;
  std::vector<std::string> option_lists;
  std::string name_space;  // empty: ours
  bool foreground = false;
  bool check = false;
};

/// Nothing when the call was answered already (--help, --version).
std::optional<Arguments> parse_arguments(int argc, char** argv) {
  Arguments arguments;
  po::options_description options;
  options.add_options()("help,h", "")("version", "")("foreground,f", "")("check", "")(
      "options,o", po::value(&arguments.option_lists))(
      "namespace,N", po::value(&arguments.name_space))("spec", po::value(&arguments.spec))(
      "directory", po::value(&arguments.directory));
  po::positional_options_description positional;
  positional.add("spec", 1).add("directory", 1);
  po::variables_map values;
  po::store(po::command_line_parser(argc, argv).options(options).positional(positional).run(),
            values);
  po::notify(values);
  if (values.contains("help")) {
    std::cout << kUsage;
    return std::nullopt;
  }
  if (values.contains("version")) {
    std::cout << "glancefs " << glance::kVersion << '\n';
    return std::nullopt;
  }
  if (arguments.spec.empty() || arguments.directory.empty()) {
    throw po::error("SPEC and DIR are needed");
  }
  arguments.foreground = values.contains("foreground");
  arguments.check = values.contains("check");
  return arguments;
}

/// What the command line says, over what `settings` say, over the defaults.
MountOptions options_of(const Arguments& arguments,
                        const std::map<std::string, glance::Setting>& settings) {
  auto options = glance::fs::default_options(::getuid(), ::getgid());
  glance::fs::apply_settings(settings, options);
  try {
    std::vector<std::string> all;
    for (const auto& list : arguments.option_lists) {
      std::ranges::move(glance::fs::split_options(list), std::back_inserter(all));
    }
    glance::fs::apply_options(all, options);
  } catch (const Error& error) {
    throw po::error(error.what());
  }
  return options;
}

void require_fuse_device() {
  const int fd = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fd >= 0) {
    ::close(fd);
  } else if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
    throw StartFailure(
        ExitCode::system,
        "there is no /dev/fuse: the kernel's module is not loaded (modprobe fuse), or "
        "this container is not given the device");
  }
  // Without the right to open it fusermount3 may have it.
}

/// What the process inherited and must not die of.
void prepare_process() {
  // A file over the process's size limit, or a log that nobody reads, is an error of one call.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  // Every open image is a descriptor of ours; the soft limit is for users of select(2).
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

std::unique_ptr<Catalog> open_catalog(const glance::Config& config, const Invocation& invocation) {
  try {
    auto catalog = Catalog::open(config, invocation.options.create);
    if (!invocation.options.read_only) recover(*catalog);
    return catalog;
  } catch (const Error& error) {
    throw Error(error.code(), invocation.spec + ": " + error.what());
  }
}

/// Opens, recovers, mounts and serves until the end.
void serve(const glance::Config& config, const Invocation& invocation, MountNamespace name_space,
           const std::function<void()>& mounted) {
  prepare_process();
  const auto catalog = open_catalog(config, invocation);
  std::optional<glance::RecoveryLoop> recovery;
  {
    glance::fs::Mount mount(*catalog, invocation, std::move(name_space));
    spdlog::info("{} is mounted on {}", invocation.spec, invocation.directory);
    if (!invocation.options.read_only) recovery.emplace(*catalog, config.recovery_interval);
    mounted();
    // Both do nothing where no service manager listens.
    mount.run([] { sd_notify(0, "STOPPING=1"); });
  }
  spdlog::info("{} is unmounted", invocation.directory);
}

void serve_in_foreground(const glance::Config& config, const Invocation& invocation,
                         MountNamespace name_space) {
  serve(config, invocation, std::move(name_space), [] { sd_notify(0, "READY=1"); });
}

ExitCode exit_code_of(const std::exception& error) {
  if (const auto* failure = dynamic_cast<const StartFailure*>(&error)) return failure->code();
  if (dynamic_cast<const po::error*>(&error) != nullptr) return ExitCode::usage;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return ExitCode::system;
  return ExitCode::mount;
}

void serve_in_background(const glance::Config& config, const Invocation& invocation,
                         MountNamespace name_space) {
  glance::fs::run_in_background([&](glance::fs::StartReport& report) {
    bool told = false;
    try {
      glance::fs::log_to_syslog();
      serve(config, invocation, std::move(name_space), [&] {
        told = true;
        report.ready();
      });
      return EXIT_SUCCESS;
    } catch (const std::exception& error) {
      if (!told) report.failed(exit_code_of(error), error.what());
      spdlog::error("{}", error.what());
      return static_cast<int>(exit_code_of(error));
    }
  });
  // Whoever waits for us wants to use the mount: its root must answer.
  name_space.within([&] {
    struct stat root{};
    if (::stat(invocation.directory.c_str(), &root) != 0) {
      glance::throw_errno(errno, invocation.directory);
    }
  });
}

/// Looks at all that can be told before the database is opened. The invocation is complete then.
Invocation check(const Arguments& arguments, const glance::Config& config,
                 const MountNamespace& name_space) {
  Invocation invocation{.spec = glance::fs::mount_source(arguments.spec),
                        .directory = {},
                        .options = options_of(arguments, config.glancefs)};
  invocation.directory = arguments.check
                             ? glance::fs::check_mount_point(arguments.directory, name_space)
                             : glance::fs::prepare_mount_point(arguments.directory, name_space);
  // In another namespace the same path may be another directory.
  if (name_space.is_ours()) {
    glance::fs::refuse_overlap(glance::local_paths(config), invocation.directory);
  }
  return invocation;
}

void run(const Arguments& arguments) {
  static_cast<void>(glance::fs::mount_source(arguments.spec));  // refuses passwords
  // The option `create` decides whether SPEC must exist.
  const auto config = glance::read_spec(arguments.spec, options_of(arguments, {}).create);
  MountNamespace name_space =
      arguments.name_space.empty() ? MountNamespace() : MountNamespace(arguments.name_space);
  const Invocation invocation = check(arguments, config, name_space);
  if (arguments.check) return;
  glance::fs::set_log_level(invocation.options.log_level);
  require_fuse_device();
  glance::fs::refuse_second_mount(invocation.spec, invocation.directory, name_space);
  if (arguments.foreground) {
    serve_in_foreground(config, invocation, std::move(name_space));
  } else {
    serve_in_background(config, invocation, std::move(name_space));
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Where it is inherited as ignored nobody hears how a child has ended.
  std::signal(SIGCHLD, SIG_DFL);
  try {
    glance::fs::log_to_stderr();
    if (const auto arguments = parse_arguments(argc, argv)) run(*arguments);
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    const bool usage = dynamic_cast<const po::error*>(&error) != nullptr;
    std::cerr << "glancefs: " << glance::one_line(error.what())
              << (usage ? "; see glancefs --help" : "") << '\n';
    return static_cast<int>(exit_code_of(error));
  }
}
