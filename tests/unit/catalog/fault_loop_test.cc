// SPDX-License-Identifier: Apache-2.0
// Every change that an operation makes to the disk fails once, in several ways; whatever happened,
// no acknowledged byte is lost, no half image is seen, nothing is stuck, and the next upload works.

#include <cerrno>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "catalog/config/spec.h"
#include "tests/unit/support/faulty_disk.h"
#include "tests/unit/support/temporary_directory.h"

namespace glance {
namespace {

namespace fs = std::filesystem;

using test::DiskFault;
using test::FaultyDisk;

const std::string kOld = "the old data";
const std::string kNew = "the new data, in several pieces";

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// What the operation's caller was told, as far as it matters afterwards.
struct Told {
  bool acknowledged = false;  ///< a close(2) or a PUT succeeded
  bool ended = false;         ///< the whole operation succeeded
};

class FaultLoop : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path spec() const { return directory_.path() / "catalog"; }
  [[nodiscard]] std::vector<fs::path> folders() const {
    return {spec() / "images", spec() / "staging"};
  }
  [[nodiscard]] std::unique_ptr<Catalog> open(const Disk& disk = Disk::kernel(),
                                              bool create = false) const {
    return Catalog::open(read_spec(spec(), create), create, {.disk = disk});
  }

  void prepare(const std::function<void(Catalog&)>& work) {
    {
      const auto catalog = open(Disk::kernel(), true);
      work(*catalog);
    }
    fs::copy(spec(), kept(), fs::copy_options::recursive);
  }

  [[nodiscard]] Image add(Catalog& catalog, const std::string& name) const {
    return catalog.add(caller_, {.name = name, .disk_format = "raw", .container_format = "bare"});
  }
  Image store(Catalog& catalog, const std::string& name, const std::string& data) const {
    const auto upload = catalog.upload(caller_, add(catalog, name).id, {});
    upload->write(0, bytes(data));
    return upload->publish();
  }
  [[nodiscard]] std::string data_of(Catalog& catalog, const ImageId& id) const {
    const auto reader = catalog.open_data(caller_, id);
    std::string data(reader->size(), '\0');
    reader->read(0, std::as_writable_bytes(std::span(data)));
    return data;
  }

  /// `work(catalog, told)` under every fault of every change that it makes; after each the catalog
  /// is opened anew on a sound disk, recovered, and looked at by `look(catalog, told)`.
  using Work = std::function<void(Catalog&, Told&)>;
  using Look = std::function<void(Catalog&, const Told&)>;
  void survive(const Work& work, const Look& look) {
    const int changes = count(work);
    ASSERT_GT(changes, 3);
    const std::vector<DiskFault> faults = {
        {.kind = DiskFault::Kind::once, .error = EIO},
        {.kind = DiskFault::Kind::once, .error = EINTR},
        {.kind = DiskFault::Kind::forever, .error = ENOSPC},
        {.kind = DiskFault::Kind::forever, .error = EROFS},
        {.kind = DiskFault::Kind::forever, .error = EIO},
        {.kind = DiskFault::Kind::crash},
    };
    for (DiskFault fault : faults) {
      for (fault.at = 1; fault.at <= changes; ++fault.at) {
        SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault.kind)) + " with errno " +
                     std::to_string(fault.error) + " at change " + std::to_string(fault.at) +
                     " of " + std::to_string(changes));
        restore();
        const Told told =
            fault.kind == DiskFault::Kind::crash ? crash(work, fault) : fail(work, fault);
        examine(look, told);
        if (HasFailure()) return;
      }
    }
  }

  const Caller caller_ = Caller::local_admin();

 private:
  [[nodiscard]] fs::path kept() const { return directory_.path() / "kept"; }

  void restore() const {
    fs::remove_all(spec());
    fs::copy(kept(), spec(), fs::copy_options::recursive);
  }

  int count(const Work& work) {
    restore();
    const FaultyDisk disk;
    Told told;
    work(*open(disk), told);
    EXPECT_TRUE(told.ended);
    return disk.changes();
  }

  Told fail(const Work& work, const DiskFault& fault) {
    const FaultyDisk disk(fault);
    Told told;
    try {
      work(*open(disk), told);
    } catch (const Error&) {
      EXPECT_NE(fault.error, EINTR) << "a signal is no failure";
    }
    return told;
  }

  /// In a child, which tells through a pipe what its caller was told before it died.
  Told crash(const Work& work, const DiskFault& fault) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      const FaultyDisk disk(fault, folders());
      Told told;
      const Work telling = work;
      tell_ = pipe[1];
      telling(*open(disk), told);
      ::_exit(0);
    }
    ::close(pipe[1]);
    Told told;
    char word = 0;
    while (::read(pipe[0], &word, 1) == 1) (word == 'a' ? told.acknowledged : told.ended) = true;
    ::close(pipe[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) &&
                (WEXITSTATUS(status) == FaultyDisk::kCrashed || WEXITSTATUS(status) == 0));
    return told;
  }

  void examine(const Look& look, const Told& told) {
    const auto catalog = open();
    catalog->recover();
    catalog->recover();
    std::vector<std::string> findings;
    catalog->check(
        [&](const Finding& each) { findings.push_back(each.subject + ": " + each.text); });
    EXPECT_THAT(findings, ::testing::IsEmpty());
    look(*catalog, told);
    const Image next = store(*catalog, "next", kNew);
    EXPECT_EQ(data_of(*catalog, next.id), kNew);
  }

 protected:
  void acknowledge(Told& told) const { tell(told.acknowledged, 'a'); }
  void end(Told& told) const { tell(told.ended, 'e'); }

  /// Either the whole data, or none and the image can be given some.
  void expect_whole_or_queued(Catalog& catalog, const ImageId& id, const std::string& data,
                              bool acknowledged) const {
    const Image image = catalog.find(caller_, id).value();
    if (image.status == ImageStatus::active) {
      EXPECT_EQ(data_of(catalog, id), data);
      return;
    }
    EXPECT_FALSE(acknowledged) << "an acknowledged upload is lost";
    ASSERT_EQ(image.status, ImageStatus::queued);
    const auto upload = catalog.upload(caller_, id, {});
    upload->write(0, bytes(data));
    EXPECT_EQ(upload->publish().status, ImageStatus::active);
    EXPECT_EQ(data_of(catalog, id), data);
  }

  /// Writes kNew as a writer that allocates, writes backwards and cuts.
  static void write_all(Upload& upload) {
    try {
      upload.allocate(0, kNew.size(), false);
    } catch (const Error&) {
      // No reason to give up: the writes tell.
    }
    const std::string_view data = kNew;
    upload.write(10, bytes(data.substr(10)));
    upload.write(0, bytes(data.substr(0, 10)));
    upload.write(data.size(), bytes("too much"));
    upload.truncate(data.size());
  }

 private:
  void tell(bool& what, char word) const {
    what = true;
    if (tell_ < 0) return;
    EXPECT_EQ(::write(tell_, &word, 1), 1);
  }

  const test::TemporaryDirectory directory_;
  int tell_ = -1;
};

TEST_F(FaultLoop, Upload) {
  ImageId id = ImageId::random();
  prepare([&](Catalog& catalog) { id = add(catalog, "x").id; });
  survive(
      [&](Catalog& catalog, Told& told) {
        const auto upload = catalog.upload(caller_, id, {});
        write_all(*upload);
        upload->seal();
        acknowledge(told);
        upload->publish();
        end(told);
      },
      [&](Catalog& catalog, const Told& told) {
        expect_whole_or_queued(catalog, id, kNew, told.acknowledged);
      });
}

TEST_F(FaultLoop, AnEditorsUpload) {
  ImageId id = ImageId::random();
  prepare([&](Catalog& catalog) { id = add(catalog, "x").id; });
  survive(
      [&](Catalog& catalog, Told& told) {
        const auto upload = catalog.upload(caller_, id, {});
        upload->write(0, bytes(kOld));
        upload->acknowledge();
        write_all(*upload);
        upload->acknowledge();
        acknowledge(told);
        upload->publish();
        end(told);
      },
      [&](Catalog& catalog, const Told& told) {
        const Image image = catalog.find(caller_, id).value();
        const bool first_only = image.status == ImageStatus::active && !told.acknowledged &&
                                data_of(catalog, id) == kOld;
        if (!first_only) expect_whole_or_queued(catalog, id, kNew, told.acknowledged);
      });
}

TEST_F(FaultLoop, Replacement) {
  ImageId old = ImageId::random();
  ImageId heir = ImageId::random();
  prepare([&](Catalog& catalog) {
    old = store(catalog, "x", kOld).id;
    heir = add(catalog, "y").id;
  });
  survive(
      [&](Catalog& catalog, Told& told) {
        const auto upload =
            catalog.upload(caller_, heir, {.replaces = Replacement{.image = old, .name = "x"}});
        write_all(*upload);
        upload->seal();
        acknowledge(told);
        upload->publish();
        end(told);
      },
      [&](Catalog& catalog, const Told& told) {
        // One of the two has the name, and is whole.
        const Image named = catalog.resolve(caller_, "x");
        EXPECT_EQ(data_of(catalog, named.id), named.id == old ? kOld : kNew);
        EXPECT_TRUE(!told.acknowledged || named.id == heir);
        if (named.id == old) expect_whole_or_queued(catalog, heir, kNew, told.acknowledged);
      });
}

TEST_F(FaultLoop, Deletion) {
  ImageId id = ImageId::random();
  ImageId other = ImageId::random();
  prepare([&](Catalog& catalog) {
    id = store(catalog, "x", kOld).id;
    other = store(catalog, "y", kNew).id;
  });
  survive(
      [&](Catalog& catalog, Told& told) {
        catalog.remove(caller_, id);
        end(told);
      },
      [&](Catalog& catalog, const Told& told) {
        const auto image = catalog.find(caller_, id);
        EXPECT_TRUE(!told.ended || !image);
        EXPECT_EQ(image ? data_of(catalog, id) : kOld, kOld);
        EXPECT_EQ(image.has_value(), fs::exists(spec() / "images" / id.text()));
        EXPECT_EQ(data_of(catalog, other), kNew);
      });
}

TEST_F(FaultLoop, Staging) {
  ImageId id = ImageId::random();
  prepare([&](Catalog& catalog) { id = add(catalog, "x").id; });
  survive(
      [&](Catalog& catalog, Told& told) {
        const auto upload = catalog.stage(caller_, id);
        upload->write(bytes(kNew.substr(0, 10)));
        upload->write(bytes(kNew.substr(10)));
        (void)upload->finish();
        acknowledge(told);
        end(told);
      },
      [&](Catalog& catalog, const Told& told) {
        const Image image = catalog.find(caller_, id).value();
        const auto staged = spec() / "staging" / id.text();
        if (image.status == ImageStatus::uploading) {
          EXPECT_EQ(image.size, kNew.size());
          ASSERT_TRUE(fs::exists(staged));
          EXPECT_EQ(fs::file_size(staged), kNew.size());
          return;
        }
        EXPECT_FALSE(told.acknowledged);
        EXPECT_EQ(image.status, ImageStatus::queued);
        EXPECT_FALSE(fs::exists(staged));
        EXPECT_EQ(catalog.stage(caller_, id)->finish().size, 0U);
      });
}

TEST_F(FaultLoop, Recovery) {
  std::vector<ImageId> sealed;
  ImageId open_one = ImageId::random();
  {
    const auto catalog = open(Disk::kernel(), true);
    for (const char* name : {"a", "b"}) sealed.push_back(add(*catalog, name).id);
    open_one = add(*catalog, "c").id;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    const auto catalog = open();
    std::vector<std::shared_ptr<class Upload>> uploads;
    for (const auto& id : sealed) {
      uploads.push_back(catalog->upload(caller_, id, {}));
      write_all(*uploads.back());
    }
    uploads.front()->seal();
    uploads.back()->acknowledge();
    uploads.push_back(catalog->upload(caller_, open_one, {}));
    uploads.back()->write(0, bytes("half of it"));
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  prepare([](Catalog&) {});
  survive(
      [&](Catalog& catalog, Told& told) {
        catalog.recover();
        end(told);
      },
      [&](Catalog& catalog, const Told&) {
        for (const auto& id : sealed) {
          EXPECT_EQ(catalog.find(caller_, id).value().status, ImageStatus::active);
          EXPECT_EQ(data_of(catalog, id), kNew);
        }
        expect_whole_or_queued(catalog, open_one, kNew, false);
      });
}

}  // namespace
}  // namespace glance
