// SPDX-License-Identifier: Apache-2.0
#include "catalog/upload/image_format.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace glance {
namespace {

namespace fs = std::filesystem;
using ::testing::Le;

constexpr std::size_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr auto kUnknown = std::nullopt;

/// Image data in memory that counts what is read of it.
class Data {
 public:
  explicit Data(std::size_t size) : bytes_(size) {}

  void text(std::size_t offset, std::string_view text) {
    std::memcpy(bytes_.data() + offset, text.data(), text.size());
  }
  void little(std::size_t offset, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i, value >>= 8U) {
      bytes_[offset + i] = static_cast<std::byte>(value);
    }
  }
  void big(std::size_t offset, std::uint64_t value, std::size_t width) {
    for (std::size_t i = width; i-- > 0; value >>= 8U) {
      bytes_[offset + i] = static_cast<std::byte>(value);
    }
  }
  void resize(std::size_t size) { bytes_.resize(size); }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

  /// Inspects the data, handing out `step` bytes a read at most.
  ImageFormat inspect(std::size_t step = std::numeric_limits<std::size_t>::max()) {
    read_ = 0;
    return inspect_image(
        [&](std::uint64_t offset, std::span<std::byte> into) {
          EXPECT_LE(offset, bytes_.size());
          const std::size_t count =
              std::min({into.size(), step, bytes_.size() - static_cast<std::size_t>(offset)});
          std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
          read_ += count;
          return count;
        },
        bytes_.size());
  }
  [[nodiscard]] std::uint64_t bytes_read() const { return read_; }

 private:
  std::vector<std::byte> bytes_;
  std::uint64_t read_ = 0;
};

void expect(const ImageFormat& format, const std::string& disk_format,
            std::optional<std::uint64_t> virtual_size) {
  EXPECT_EQ(format.disk_format, disk_format);
  EXPECT_EQ(format.virtual_size, virtual_size);
}

ImageFormat inspect_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path.string());
  return inspect_image(
      [&file](std::uint64_t offset, std::span<std::byte> into) {
        file.clear();
        file.seekg(static_cast<std::streamoff>(offset));
        std::vector<char> bytes(into.size());
        file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        const auto count = static_cast<std::size_t>(file.gcount());
        std::memcpy(into.data(), bytes.data(), count);
        return count;
      },
      fs::file_size(path));
}

// ── files that other programs made ────────────────────────────────────────────────────────────

class RealFiles : public ::testing::Test {
 protected:
  RealFiles() {
    std::string name = fs::temp_directory_path() / "glance-format-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    dir_ = name;
  }
  ~RealFiles() override { fs::remove_all(dir_); }

  /// `arguments` follow "qemu-img create -q"; "@" in them is the file.
  ImageFormat created(std::string arguments) const {
    const fs::path path = dir_ / "image";
    arguments.replace(arguments.find('@'), 1, path.string());
    run("create -q " + arguments);
    return inspect_file(path);
  }

  /// A raw disk with some data on it, converted.
  ImageFormat converted(const std::string& options) const {
    std::ofstream(dir_ / "raw") << std::string(100000, 'x');
    fs::resize_file(dir_ / "raw", 8 * kMiB);
    run("convert -f raw " + options + " " + (dir_ / "raw").string() + " " +
        (dir_ / "image").string());
    return inspect_file(dir_ / "image");
  }

  fs::path dir_;

 private:
  static void run(const std::string& arguments) {
    // Loudly, not skipped: without these files the inspectors are hardly tested.
    if (!fs::exists("/usr/bin/qemu-img")) {
      throw std::runtime_error("/usr/bin/qemu-img is missing (Debian package qemu-utils)");
    }
    const std::string command = "/usr/bin/qemu-img " + arguments + " >/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }
};

TEST_F(RealFiles, Qcow2OfBothVersions) {
  expect(created("-f qcow2 -o compat=0.10 @ 3G"), "qcow2", 3072 * kMiB);
  expect(created("-f qcow2 -o compat=1.1 @ 3G"), "qcow2", 3072 * kMiB);
  expect(converted("-c -O qcow2"), "qcow2", 8 * kMiB);
}

TEST_F(RealFiles, VmdkOfBothSingleFileKinds) {
  expect(created("-f vmdk -o subformat=monolithicSparse @ 64M"), "vmdk", 64 * kMiB);
  expect(created("-f vmdk -o subformat=streamOptimized @ 64M"), "vmdk", 64 * kMiB);
  expect(converted("-O vmdk -o subformat=streamOptimized"), "vmdk", 8 * kMiB);
}

TEST_F(RealFiles, AVmdkDescriptorOfAFlatDiskIsRaw) {
  const auto format = created("-f vmdk -o subformat=monolithicFlat @ 1M");
  expect(format, "raw", fs::file_size(dir_ / "image"));
}

TEST_F(RealFiles, VhdxDynamicAndFixed) {
  expect(created("-f vhdx @ 64M"), "vhdx", 64 * kMiB);
  expect(created("-f vhdx -o subformat=fixed @ 2M"), "vhdx", 2 * kMiB);
  expect(converted("-O vhdx"), "vhdx", 8 * kMiB);
}

TEST_F(RealFiles, VhdDynamicAndFixed) {
  expect(created("-f vpc -o subformat=dynamic,force_size=on @ 64M"), "vhd", 64 * kMiB);
  expect(created("-f vpc -o subformat=fixed,force_size=on @ 2M"), "vhd", 2 * kMiB);
  expect(converted("-O vpc -o subformat=fixed,force_size=on"), "vhd", 8 * kMiB);
}

TEST_F(RealFiles, Vdi) {
  expect(created("-f vdi @ 64M"), "vdi", 64 * kMiB);
  expect(converted("-O vdi -o static=on"), "vdi", 8 * kMiB);
}

TEST_F(RealFiles, RawIsRawAndSoIsQedWhichGlanceDoesNotKnow) {
  expect(created("-f raw @ 5M"), "raw", 5 * kMiB);
  const auto qed = created("-f qed @ 5M");
  expect(qed, "raw", fs::file_size(dir_ / "image"));
}

TEST_F(RealFiles, AnIsoIsAnIsoAlsoWithAPartitionTable) {
  const fs::path iso = "/usr/lib/ipxe/ipxe.iso";
  ASSERT_TRUE(fs::exists(iso)) << iso << " is missing (Debian package ipxe)";
  expect(inspect_file(iso), "iso", fs::file_size(iso));
}

// ── handmade headers ──────────────────────────────────────────────────────────────────────────

TEST(ImageFormat, OfNothingIsRaw) {
  expect(Data(0).inspect(), "raw", 0);
}

TEST(ImageFormat, OfAnythingElseIsRaw) {
  expect(Data(1).inspect(), "raw", 1);
  Data text(1000);
  text.text(0, "#cloud-config\n");
  expect(text.inspect(), "raw", 1000);
  Data disk(kMiB);
  disk.text(510, "\x55\xaa");
  disk.text(512, "EFI PART");
  expect(disk.inspect(), "raw", kMiB);
  Data luks(kMiB);
  luks.text(0, "LUKS\xba\xbe");
  expect(luks.inspect(), "raw", kMiB);
}

Data qcow2(std::uint32_t version, std::uint64_t size) {
  Data data(1024);
  data.text(0, "QFI\xfb");
  data.big(4, version, 4);
  data.big(24, size, 8);
  return data;
}

TEST(ImageFormat, Qcow2OfAnUnknownVersionHasNoVirtualSize) {
  expect(qcow2(3, kMiB).inspect(), "qcow2", kMiB);
  for (const std::uint32_t version : {0U, 1U, 4U, 0xFFFFFFFFU}) {
    expect(qcow2(version, kMiB).inspect(), "qcow2", kUnknown);
  }
}

TEST(ImageFormat, AVirtualSizeThatTheDatabaseCannotHoldIsUnknown) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  expect(qcow2(3, kMax).inspect(), "qcow2", kMax);
  expect(qcow2(3, kMax + 1).inspect(), "qcow2", kUnknown);
  expect(qcow2(3, ~0ULL).inspect(), "qcow2", kUnknown);
}

TEST(ImageFormat, CutHeadersHaveNoVirtualSize) {
  Data data = qcow2(3, kMiB);
  data.resize(71);
  expect(data.inspect(), "qcow2", kUnknown);
  data.resize(4);
  expect(data.inspect(), "qcow2", kUnknown);
  data.resize(3);
  expect(data.inspect(), "raw", 3);
  for (const char* magic : {"KDMV", "COWD"}) {
    Data vmdk(8);
    vmdk.text(0, magic);
    expect(vmdk.inspect(), "vmdk", kUnknown);
  }
  Data vhd(8);
  vhd.text(0, "conectix");
  expect(vhd.inspect(), "vhd", kUnknown);
  Data vhdx(8);
  vhdx.text(0, "vhdxfile");
  expect(vhdx.inspect(), "vhdx", kUnknown);
  Data vdi(0x44);
  vdi.text(0x40, "\x7f\x10\xda\xbe");
  expect(vdi.inspect(), "vdi", kUnknown);
}

TEST(ImageFormat, VmdkCapacityCountsSectors) {
  Data data(1024);
  data.text(0, "KDMV");
  data.little(12, 2048, 8);
  expect(data.inspect(), "vmdk", kMiB);
  data.little(12, ~0ULL, 8);
  expect(data.inspect(), "vmdk", kUnknown);
  data.little(12, std::uint64_t{1} << 55U, 8);
  expect(data.inspect(), "vmdk", kUnknown);
  Data esx(64);
  esx.text(0, "COWD");
  esx.little(12, 0xFFFFFFFF, 4);
  expect(esx.inspect(), "vmdk", 0xFFFFFFFFULL * 512);
}

TEST(ImageFormat, AStreamedVmdkMayTellItsCapacityAtTheEnd) {
  Data data(4096);
  data.text(0, "KDMV");
  data.little(56, ~0ULL, 8);
  expect(data.inspect(), "vmdk", 0);
  data.text(3072, "KDMV");
  data.little(3072 + 12, 2048, 8);
  expect(data.inspect(), "vmdk", kMiB);
}

/// A footer as of a fixed VHD at the end of `data_size` bytes.
Data fixed_vhd(std::size_t data_size, std::uint64_t current_size) {
  Data data(data_size + 512);
  data.text(data_size, "conectix");
  data.big(data_size + 48, current_size, 8);
  data.big(data_size + 60, 2, 4);
  std::uint32_t sum = 0;
  for (std::size_t i = data_size; i < data.bytes().size(); ++i) {
    sum += std::to_integer<std::uint32_t>(data.bytes()[i]);
  }
  data.big(data_size + 64, ~sum, 4);
  return data;
}

TEST(ImageFormat, AFixedVhdNeedsASoundFooter) {
  expect(fixed_vhd(kMiB, kMiB).inspect(), "vhd", kMiB);
  expect(fixed_vhd(0, 0).inspect(), "vhd", 0);
  expect(fixed_vhd(kMiB, kMiB + 1).inspect(), "vhd", kUnknown);
  Data damaged = fixed_vhd(kMiB, kMiB);
  damaged.big(kMiB + 48, kMiB - 512, 8);
  expect(damaged.inspect(), "raw", kMiB + 512);
  Data letters(kMiB);
  letters.text(kMiB - 512, "conectix");
  expect(letters.inspect(), "raw", kMiB);
}

TEST(ImageFormat, AnIsoNeedsItsIdentifier) {
  Data data(40000);
  data.text(32768,
            "\x01"
            "CD001");
  expect(data.inspect(), "iso", 40000);
  data.text(510, "\x55\xaa");
  expect(data.inspect(), "iso", 40000);
  data.resize(32773);
  expect(data.inspect(), "raw", 32773);
}

/// A VHDX whose second region table alone is whole, if `first` is false.
class Vhdx {
 public:
  static constexpr std::size_t kMetadata = 512 * kKiB;
  static constexpr std::size_t kSecondRegion = 16 + 32;  // in either region table

  explicit Vhdx(bool first = true) : data(kMiB) {
    data.text(0, "vhdxfile");
    if (first) region_table(192 * kKiB);
    region_table(256 * kKiB);
    data.text(kMetadata, "metadata");
    data.little(kMetadata + 10, 2, 2);
    entry(kMetadata + 64, "\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8");
    data.little(kMetadata + 64 + 16, 65536, 4);
    data.little(kMetadata + 64 + 20, 8, 4);
    data.little(kMetadata + 65536, 64 * kMiB, 8);
  }

  Data data;

 private:
  void region_table(std::size_t offset) {
    data.text(offset, "regi");
    data.little(offset + 8, 2, 4);
    const std::size_t second = offset + kSecondRegion;
    entry(second, "\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e");
    data.little(second + 16, kMetadata, 8);
  }
  void entry(std::size_t offset, std::string_view guid) { data.text(offset, guid); }
};

TEST(ImageFormat, VhdxIsReadThroughEitherRegionTable) {
  expect(Vhdx().data.inspect(), "vhdx", 64 * kMiB);
  expect(Vhdx(false).data.inspect(), "vhdx", 64 * kMiB);
  Vhdx misled;
  misled.data.little(192 * kKiB + Vhdx::kSecondRegion + 16, 4096, 8);  // where no metadata are
  expect(misled.data.inspect(), "vhdx", 64 * kMiB);
}

TEST(ImageFormat, DamagedVhdxHasNoVirtualSizeAndReadsLittle) {
  struct Damage {
    std::size_t offset;
    std::uint64_t value;
    std::size_t width;
  };
  const std::vector<Damage> damages = {
      {Vhdx::kMetadata, 0, 8},                     // no signature
      {Vhdx::kMetadata + 10, 0, 2},                // no entries
      {Vhdx::kMetadata + 10, 0xFFFF, 2},           // too many
      {Vhdx::kMetadata + 64, 0, 4},                // another item
      {Vhdx::kMetadata + 64 + 16, 0xFFFFFFFF, 4},  // outside
      {Vhdx::kMetadata + 64 + 20, 4096, 4},        // too long
      {Vhdx::kMetadata + 65536, ~0ULL, 8},         // too large
  };
  for (const Damage& damage : damages) {
    Vhdx vhdx;
    vhdx.data.little(damage.offset, damage.value, damage.width);
    expect(vhdx.data.inspect(), "vhdx", kUnknown);
    EXPECT_THAT(vhdx.data.bytes_read(), Le(300 * kKiB));
  }
  for (const Damage& damage :
       std::vector<Damage>{{8, 0, 4},
                           {8, 2048, 4},
                           {8, 0xFFFFFFFF, 4},
                           {Vhdx::kSecondRegion + 16, ~0ULL, 8},
                           {Vhdx::kSecondRegion + 16, kMiB, 8},
                           {Vhdx::kSecondRegion + 16, 0x7FFFFFFFFFFFFFFF, 8}}) {
    Vhdx vhdx;
    for (const std::size_t table : {192 * kKiB, 256 * kKiB}) {
      vhdx.data.little(table + damage.offset, damage.value, damage.width);
    }
    expect(vhdx.data.inspect(), "vhdx", kUnknown);
  }
}

TEST(ImageFormat, ReadersThatReturnShortMakeNoDifference) {
  expect(Vhdx().data.inspect(7), "vhdx", 64 * kMiB);
  expect(qcow2(3, kMiB).inspect(1), "qcow2", kMiB);
  expect(fixed_vhd(kMiB, kMiB).inspect(5), "vhd", kMiB);
}

TEST(ImageFormat, AReaderThatEndsTooEarlyIsBorne) {
  const auto format =
      inspect_image([](std::uint64_t, std::span<std::byte>) { return std::size_t{0}; }, 1000000);
  expect(format, "raw", 1000000);
}

TEST(ImageFormat, AReaderThatClaimsTooMuchIsBorne) {
  const auto format = inspect_image(
      [](std::uint64_t, std::span<std::byte> into) { return into.size() + 1000; }, 1000000);
  expect(format, "raw", 1000000);
}

TEST(ImageFormat, ErrorsOfTheReaderPassThrough) {
  EXPECT_THROW((void)inspect_image([](std::uint64_t, std::span<std::byte>)
                                       -> std::size_t { throw std::runtime_error("disk"); },
                                   1000),
               std::runtime_error);
}

TEST(ImageFormat, OfRandomBytesIsSomethingAlways) {
  std::mt19937_64 random(42);
  for (int round = 0; round < 2000; ++round) {
    Data data(random() % 2048);
    for (std::byte& byte : data.bytes()) byte = static_cast<std::byte>(random());
    constexpr std::array<std::string_view, 6> kMagics = {"QFI\xfb",  "KDMV",     "COWD",
                                                         "vhdxfile", "conectix", ""};
    const std::string_view magic = kMagics[random() % kMagics.size()];
    if (data.bytes().size() >= magic.size()) data.text(0, magic);
    EXPECT_FALSE(data.inspect().disk_format.empty());
  }
}

TEST(ImageFormat, OfADamagedVhdxIsVhdxAlways) {
  std::mt19937_64 random(43);
  const Vhdx whole;
  for (int round = 0; round < 300; ++round) {
    Data data = whole.data;
    for (int i = 0; i < 64; ++i) {
      // Where the tables are: damage elsewhere would only be noise.
      const std::array<std::size_t, 3> places = {192 * kKiB, 256 * kKiB, Vhdx::kMetadata};
      data.bytes()[places[random() % places.size()] + random() % 128] =
          static_cast<std::byte>(random());
    }
    EXPECT_EQ(data.inspect().disk_format, "vhdx");
    EXPECT_THAT(data.bytes_read(), Le(300 * kKiB));
  }
}

}  // namespace
}  // namespace glance
