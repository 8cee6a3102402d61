#pragma once
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

// Swift can't import these: ioctl numbers are macros with arguments, and some need _GNU_SOURCE.

/// Makes `target` share all extents of `source`.
static inline int clinuxfile_clone(int target, int source) { return ioctl(target, FICLONE, source); }

/// Lists a file's extents.
static inline int clinuxfile_map_extents(int file, struct fiemap *map) { return ioctl(file, FS_IOC_FIEMAP, map); }

/// 1 when the file lives on a realtime device, whose block numbers have nothing to do with those of other files;
/// 0 when it does not; -1 when that can't be told.
static inline int clinuxfile_is_realtime(int file) {
    struct fsxattr attributes;
    if (ioctl(file, FS_IOC_FSGETXATTR, &attributes) != 0) return -1;
    return (attributes.fsx_xflags & FS_XFLAG_REALTIME) != 0;
}

/// Renames without replacing anything.
static inline int clinuxfile_rename_new(int from_folder, const char *from, int to_folder, const char *to) {
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, RENAME_NOREPLACE);
}

static inline int clinuxfile_allocate(int file, int mode, int64_t offset, int64_t length) {
    return (int)syscall(SYS_fallocate, file, mode, offset, length);
}

/// The function and a struct share one name, of which Swift takes the struct.
static inline int clinuxfile_lock(int file, int kind) { return flock(file, kind); }

static const int clinuxfile_seek_data = 3;
static const int clinuxfile_seek_hole = 4;
static const int64_t clinuxfile_xfs_magic = 0x58465342;
static const int64_t clinuxfile_btrfs_magic = 0x9123683E;
