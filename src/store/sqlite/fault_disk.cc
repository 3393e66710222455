#include "store/sqlite/fault_disk.h"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace keywright::store {

constexpr std::size_t kSectorBytes = 512;

// SQLite allocates szOsFile bytes for it; the real file's state follows behind.
struct FaultDisk::File {
  sqlite3_file base;
  FaultDisk* disk;
  std::string* name;  // null for temporary files
  sqlite3_int64 size;

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

struct FaultDiskMethods {
  using File = FaultDisk::File;
  static File& file(sqlite3_file* f) { return *reinterpret_cast<File*>(f); }
  static const sqlite3_io_methods& real(sqlite3_file* f) { return *file(f).real()->pMethods; }
  static sqlite3_vfs* system() { return sqlite3_vfs_find("unix"); }

  static int close(sqlite3_file* f) {
    delete file(f).name;
    return real(f).xClose(file(f).real());
  }
  static int read(sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
    return real(f).xRead(file(f).real(), to, size, at);
  }
  static int write(sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
    return file(f).disk->take_write(file(f), from, size, at);
  }
  static int truncate(sqlite3_file* f, sqlite3_int64 size) {
    return real(f).xTruncate(file(f).real(), size);
  }
  static int sync(sqlite3_file* f, int) { return file(f).disk->take_sync(file(f)); }
  static int file_size(sqlite3_file* f, sqlite3_int64* size) {
    return real(f).xFileSize(file(f).real(), size);
  }
  static int lock(sqlite3_file* f, int kind) { return real(f).xLock(file(f).real(), kind); }
  static int unlock(sqlite3_file* f, int kind) { return real(f).xUnlock(file(f).real(), kind); }
  static int check_lock(sqlite3_file* f, int* held) {
    return real(f).xCheckReservedLock(file(f).real(), held);
  }
  static int control(sqlite3_file* f, int what, void* with) {
    // Writing ahead through a memory map, and hints that allocate, would go past this layer.
    if (what == SQLITE_FCNTL_SIZE_HINT || what == SQLITE_FCNTL_MMAP_SIZE) return SQLITE_NOTFOUND;
    return real(f).xFileControl(file(f).real(), what, with);
  }
  static int sector(sqlite3_file*) { return kSectorBytes; }
  static int traits(sqlite3_file*) { return 0; }  // nothing is atomic, nothing is in order
  template <class Page>                           // SQLite's own qualifiers, whatever they are
  static int map(sqlite3_file* f, int page, int size, int extend, Page** out) {
    return real(f).xShmMap(file(f).real(), page, size, extend, out);
  }
  static int map_lock(sqlite3_file* f, int offset, int n, int flags) {
    return real(f).xShmLock(file(f).real(), offset, n, flags);
  }
  static void barrier(sqlite3_file* f) { real(f).xShmBarrier(file(f).real()); }
  static int unmap(sqlite3_file* f, int remove) {
    return real(f).xShmUnmap(file(f).real(), remove);
  }

  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* f, int flags, int* out) {
    static const sqlite3_io_methods methods = {
        2,       close,  read,   write, truncate, sync,    file_size, lock,    unlock, check_lock,
        control, sector, traits, map,   map_lock, barrier, unmap,     nullptr, nullptr};
    File& opened = file(f);
    opened.disk = static_cast<FaultDisk*>(vfs->pAppData);
    opened.name = nullptr;
    opened.size = 0;
    int code = system()->xOpen(system(), path, opened.real(), flags, out);
    opened.base.pMethods = opened.real()->pMethods == nullptr ? nullptr : &methods;
    if (code != SQLITE_OK || opened.base.pMethods == nullptr) return code;
    opened.real()->pMethods->xFileSize(opened.real(), &opened.size);
    if (path != nullptr) {
      opened.name = new std::string(std::filesystem::path(path).filename().string());
      std::lock_guard lock(opened.disk->mutex_);
      opened.disk->files_.try_emplace(*opened.name);
    }
    return code;
  }
  static int remove(sqlite3_vfs* vfs, const char* path, int sync) {
    auto* disk = static_cast<FaultDisk*>(vfs->pAppData);
    {
      std::lock_guard lock(disk->mutex_);
      disk->files_.erase(std::filesystem::path(path).filename().string());
    }
    return system()->xDelete(system(), path, sync);
  }
};

FaultDisk::FaultDisk() {
  sqlite3_initialize();
  vfs_ = *FaultDiskMethods::system();
  vfs_.szOsFile += static_cast<int>(sizeof(File));
  vfs_.pNext = nullptr;
  vfs_.zName = "fault";
  vfs_.pAppData = this;
  vfs_.xOpen = FaultDiskMethods::open;
  vfs_.xDelete = FaultDiskMethods::remove;
  sqlite3_vfs_register(&vfs_, 0);
}

FaultDisk::~FaultDisk() { sqlite3_vfs_unregister(&vfs_); }

void FaultDisk::fail_sync(int number) { failing_sync_ = number; }
void FaultDisk::fail_write(int number) { failing_write_ = number; }

void FaultDisk::set_room(std::int64_t bytes, std::filesystem::path ballast) {
  std::lock_guard lock(mutex_);
  room_ = bytes;
  ballast_ = std::move(ballast);
}

int FaultDisk::take_write(File& file, const void* bytes, int size, sqlite3_int64 offset) {
  {
    std::lock_guard lock(mutex_);
    ++writes_;
    if (failing_write_ > 0 && --failing_write_ == 0) return SQLITE_IOERR_WRITE;
    const std::int64_t growth = std::max<std::int64_t>(0, offset + size - file.size);
    if (room_ >= 0 && growth > 0) {
      std::error_code error;
      const auto ballast = std::filesystem::file_size(ballast_, error);
      if (growth > room_ - (error ? 0 : static_cast<std::int64_t>(ballast))) return SQLITE_FULL;
      room_ -= growth;
    }
    file.size += growth;
    if (file.name != nullptr) {
      files_[*file.name].pending.push_back(
          {static_cast<std::uint64_t>(offset),
           std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size))});
    }
  }
  const int code = file.real()->pMethods->xWrite(file.real(), bytes, size, offset);
  if (observer_) observer_();
  return code;
}

namespace {

void put(std::string& image, std::uint64_t offset, std::string_view bytes) {
  if (image.size() < offset + bytes.size()) image.resize(offset + bytes.size());
  image.replace(offset, bytes.size(), bytes);
}

}  // namespace

int FaultDisk::take_sync(File& file) {
  {
    std::lock_guard lock(mutex_);
    if (failing_sync_ > 0 && --failing_sync_ == 0) return SQLITE_IOERR_FSYNC;
    if (file.name != nullptr) {
      Contents& contents = files_[*file.name];
      for (const Write& write : contents.pending) put(contents.durable, write.offset, write.bytes);
      contents.pending.clear();
    }
  }
  if (observer_) observer_();
  return SQLITE_OK;
}

void FaultDisk::cut_power(const std::filesystem::path& into, Random& random) {
  std::lock_guard lock(mutex_);
  for (const auto& [name, contents] : files_) {
    if (name.ends_with("-shm")) continue;
    std::string image = contents.durable;
    for (const Write& write : contents.pending) {
      std::string_view rest = write.bytes;
      for (std::uint64_t offset = write.offset; !rest.empty();) {
        const std::string_view sector = rest.substr(0, kSectorBytes);
        if (random_below(random, 2) == 0) put(image, offset, sector);
        offset += sector.size();
        rest.remove_prefix(sector.size());
      }
    }
    std::ofstream(into / name, std::ios::binary) << image;
  }
}

}  // namespace keywright::store
