/* assembly.c: see assembly.h.
 *
 * A call locks the manifest, reads it, does its part and writes it back: first the bytes, then what is said of them, so
 * that a process that ends in between leaves a manifest that claims less than is there, never more. It is one small
 * write with a checksum; one that was torn counts as none. Nothing is synced before the end: the store does that once,
 * for the whole file, when it takes it. */
#include "actors/storage/assembly.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"

#define MANIFEST_MAGIC  UINT64_C(0x31305045454b5952) /* "RYKEEP01" */
#define VALIDATOR_BYTES 257
#define HASH_BYTES      ((size_t)1 << 18)
#define STALE_MS        (INT64_C(24) * 3600 * 1000)
#define NAME_BYTES      48

struct manifest {
    uint64_t magic;
    uint64_t total;
    uint64_t offset;
    struct ry_sha256 sha256; /* of the bytes before offset */
    char validator[VALIDATOR_BYTES];
    char boot[ASSEMBLY_BOOT_BYTES];
    uint64_t checksum; /* FNV-1a of what stands before it */
};

/* One call's view of a clip's files. */
struct part {
    const struct assembly *assembly;
    int folder_fd;
    int manifest_fd; /* locked */
    int file_fd;
    char manifest_name[NAME_BYTES];
    char file_name[NAME_BYTES];
    struct manifest manifest;
    bool valid; /* the manifest is one */
};

int assembly_open(struct assembly *assembly, const char *folder, uint64_t reserve_bytes, struct ry_error *err)
{
    *assembly = (struct assembly){.reserve_bytes = reserve_bytes};
    if (snprintf(assembly->folder, sizeof assembly->folder, "%s", folder) >= (int)sizeof assembly->folder)
        return ry_fail(err, RY_ECONFIG, "the path of the folder for originals is too long: %s", folder);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, assembly->boot, sizeof assembly->boot - 1) : 0;
    assembly->boot[n > 0 ? n : 0] = '\0';
    assembly->boot[strcspn(assembly->boot, "\n")] = '\0';
    if (fd >= 0)
        (void)close(fd);
    return RY_OK;
}

static int fail_io(const struct assembly *assembly, const char *what, struct ry_error *err)
{
    enum ry_err code = errno == ENOSPC || errno == EDQUOT ? RY_EFULL
                       : errno == EROFS || errno == EIO   ? RY_EAWAY
                                                          : RY_EIO;
    return ry_fail(err, code, "cannot be kept: %s in %s: %s", what, assembly->folder, strerror(errno));
}

static uint64_t sum(const struct manifest *manifest)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    const unsigned char *bytes = (const unsigned char *)manifest;
    for (size_t i = 0; i < offsetof(struct manifest, checksum); i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void part_close(struct part *part)
{
    int *fds[] = {&part->file_fd, &part->manifest_fd, &part->folder_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (*fds[i] >= 0)
            (void)close(*fds[i]);
}
#define PART_AUTO __attribute__((cleanup(part_close))) struct part

/* Makes the folder and the one above it. */
static int open_folder(const struct assembly *assembly, bool make)
{
    int fd = open(assembly->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT || !make)
        return fd;
    char above[PATH_MAX];
    (void)snprintf(above, sizeof above, "%s", assembly->folder);
    char *slash = strrchr(above, '/');
    if (slash != NULL && slash != above) {
        *slash = '\0';
        if (mkdir(above, 0700) != 0 && errno != EEXIST)
            return -1;
    }
    if (mkdir(assembly->folder, 0700) != 0 && errno != EEXIST)
        return -1;
    return open(assembly->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Whether the locked file still has its name: whoever had the lock before may have removed it. */
static bool has_name(const struct part *part)
{
    struct stat opened, named;
    return fstat(part->manifest_fd, &opened) == 0 &&
           fstatat(part->folder_fd, part->manifest_name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static bool lock_manifest(struct part *part, bool make)
{
    for (;;) {
        part->manifest_fd =
            openat(part->folder_fd, part->manifest_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
        if (part->manifest_fd < 0)
            return false;
        while (flock(part->manifest_fd, LOCK_EX) != 0)
            if (errno != EINTR)
                return false;
        if (has_name(part))
            return true;
        (void)close(part->manifest_fd);
        part->manifest_fd = -1;
    }
}

/* Opens and locks a clip's files; make: those that are not there are made. RY_ENOENT: they are not there. */
static int part_open(struct part *part, const struct assembly *assembly, struct ry_str clip_id, bool make,
                     struct ry_error *err)
{
    *part = (struct part){.assembly = assembly, .folder_fd = -1, .manifest_fd = -1, .file_fd = -1};
    RY_ASSERT(clip_id.n == 32, "a clip id of %zu bytes", clip_id.n);
    (void)snprintf(part->manifest_name, NAME_BYTES, "%.*s.keep", RY_STR_ARG(clip_id));
    (void)snprintf(part->file_name, NAME_BYTES, "%.*s.part", RY_STR_ARG(clip_id));
    part->folder_fd = open_folder(assembly, make);
    if (part->folder_fd < 0 || !lock_manifest(part, make))
        return errno == ENOENT && !make ? ry_fail(err, RY_ENOENT, "is not being kept")
                                        : fail_io(assembly, "its manifest cannot be opened", err);
    part->file_fd =
        openat(part->folder_fd, part->file_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | (make ? O_CREAT : 0), 0600);
    if (part->file_fd < 0)
        return errno == ENOENT && !make ? ry_fail(err, RY_ENOENT, "is not being kept")
                                        : fail_io(assembly, "its file cannot be opened", err);
    ssize_t n = pread(part->manifest_fd, &part->manifest, sizeof part->manifest, 0);
    struct stat st;
    const struct manifest *m = &part->manifest;
    part->valid = n == (ssize_t)sizeof part->manifest && m->magic == MANIFEST_MAGIC && m->checksum == sum(m) &&
                  m->offset <= m->total && fstat(part->file_fd, &st) == 0 && (uint64_t)st.st_size >= m->offset &&
                  assembly->boot[0] != '\0' && strcmp(m->boot, assembly->boot) == 0;
    return RY_OK;
}

static int part_note(struct part *part, struct ry_error *err)
{
    part->manifest.checksum = sum(&part->manifest);
    ssize_t n = pwrite(part->manifest_fd, &part->manifest, sizeof part->manifest, 0);
    return n == (ssize_t)sizeof part->manifest ? RY_OK : fail_io(part->assembly, "its manifest cannot be written", err);
}

/* Whether `more` bytes leave the reserve alone. */
static int check_room(const struct part *part, uint64_t more, struct ry_error *err)
{
    struct statvfs disk;
    const struct assembly *assembly = part->assembly;
    if (fstatvfs(part->folder_fd, &disk) != 0)
        return fail_io(assembly, "the free space cannot be read", err);
    uint64_t available = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (available >= assembly->reserve_bytes && available - assembly->reserve_bytes >= more)
        return RY_OK;
    return ry_fail(
        err, RY_EFULL,
        "waits for room: %llu bytes are to come, the disk of %s has %llu free, and REELYARD_DISK_RESERVE keeps "
        "%llu of them",
        (unsigned long long)more, assembly->folder, (unsigned long long)available,
        (unsigned long long)assembly->reserve_bytes);
}

int assembly_begin(const struct assembly *assembly, struct ry_str clip_id, uint64_t total, struct ry_str validator,
                   uint64_t *offset, struct ry_error *err)
{
    PART_AUTO part;
    int rc = part_open(&part, assembly, clip_id, true, err);
    if (rc != RY_OK)
        return rc;
    struct manifest *m = &part.manifest;
    bool goes_on = part.valid && m->total == total && validator.n > 0 && ry_str_is(validator, m->validator);
    if (!goes_on) {
        *m = (struct manifest){.magic = MANIFEST_MAGIC, .total = total};
        ry_sha256_begin(&m->sha256);
        (void)snprintf(m->validator, sizeof m->validator, "%.*s", RY_STR_ARG(validator));
        (void)snprintf(m->boot, sizeof m->boot, "%s", assembly->boot);
        if (ftruncate(part.file_fd, 0) != 0)
            return fail_io(assembly, "its file cannot be emptied", err);
        rc = part_note(&part, err);
    }
    *offset = m->offset;
    return rc == RY_OK ? check_room(&part, total - m->offset, err) : rc;
}

static int write_all(const struct part *part, struct ry_str bytes, uint64_t at, struct ry_error *err)
{
    while (bytes.n > 0) {
        ssize_t n = pwrite(part->file_fd, bytes.p, bytes.n, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_io(part->assembly, "its file cannot be written", err);
        bytes = (struct ry_str){bytes.p + n, bytes.n - (size_t)n};
        at += (uint64_t)n;
    }
    return RY_OK;
}

/* RY_ENOENT for one without a valid manifest: what it is part of is not known. */
static int part_resume(struct part *part, const struct assembly *assembly, struct ry_str clip_id, struct ry_error *err)
{
    int rc = part_open(part, assembly, clip_id, false, err);
    return rc == RY_OK && !part->valid ? ry_fail(err, RY_ENOENT, "has to be kept from its beginning") : rc;
}

int assembly_write(const struct assembly *assembly, struct ry_str clip_id, uint64_t offset, struct ry_str bytes,
                   uint64_t *there, struct ry_error *err)
{
    PART_AUTO part;
    int rc = part_resume(&part, assembly, clip_id, err);
    if (rc != RY_OK)
        return rc;
    struct manifest *m = &part.manifest;
    *there = m->offset;
    if (offset > m->total || bytes.n > m->total - offset)
        return ry_fail(err, RY_EINVAL, "has more bytes than were announced");
    if (offset > m->offset || offset + bytes.n <= m->offset)
        return RY_OK;
    size_t known = (size_t)(m->offset - offset);
    struct ry_str fresh = {bytes.p + known, bytes.n - known};
    rc = check_room(&part, fresh.n, err);
    if (rc == RY_OK)
        rc = write_all(&part, fresh, m->offset, err);
    if (rc != RY_OK)
        return rc;
    ry_sha256_add(&m->sha256, fresh.p, fresh.n);
    m->offset += fresh.n;
    *there = m->offset;
    return part_note(&part, err);
}

/* ---- copying ----------------------------------------------------------------------------------------------------- */

static bool cannot_copy(int error)
{
    return error == EXDEV || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == EPERM ||
           error == ETXTBSY;
}

/* Brings bytes [at, end) of the other file, inside the kernel where it can. */
static int copy_range(const struct part *part, int from_fd, uint64_t at, uint64_t end, char *buffer,
                      struct ry_error *err)
{
    bool in_kernel = true;
    while (at < end) {
        loff_t from = (loff_t)at, to = (loff_t)at;
        if (in_kernel) {
            ssize_t n = copy_file_range(from_fd, &from, part->file_fd, &to, (size_t)(end - at), 0);
            if (n > 0) {
                at += (uint64_t)n;
                continue;
            }
            if (n < 0 && !cannot_copy(errno))
                return fail_io(part->assembly, "it cannot be copied", err);
            in_kernel = false; /* n = 0 of a file system that cannot, or the file ends: reading tells */
        }
        size_t want = end - at < HASH_BYTES ? (size_t)(end - at) : HASH_BYTES;
        ssize_t n = pread(from_fd, buffer, want, (off_t)at);
        if (n < 0)
            return fail_io(part->assembly, "it cannot be read", err);
        if (n == 0)
            return ry_fail(err, RY_EDATA, "became shorter while it was copied");
        int rc = write_all(part, (struct ry_str){buffer, (size_t)n}, at, err);
        if (rc != RY_OK)
            return rc;
        at += (uint64_t)n;
    }
    return RY_OK;
}

static int hash_range(struct part *part, uint64_t end, char *buffer, struct ry_error *err)
{
    struct manifest *m = &part->manifest;
    while (m->offset < end) {
        size_t want = end - m->offset < HASH_BYTES ? (size_t)(end - m->offset) : HASH_BYTES;
        ssize_t n = pread(part->file_fd, buffer, want, (off_t)m->offset);
        if (n <= 0)
            return fail_io(part->assembly, "it cannot be read again", err);
        ry_sha256_add(&m->sha256, buffer, (size_t)n);
        m->offset += (uint64_t)n;
    }
    return RY_OK;
}

int assembly_copy(const struct assembly *assembly, struct ry_str clip_id, int from_fd, uint64_t *there,
                  struct ry_error *err)
{
    PART_AUTO part;
    int rc = part_resume(&part, assembly, clip_id, err);
    if (rc != RY_OK)
        return rc;
    struct manifest *m = &part.manifest;
    char *buffer = malloc(HASH_BYTES);
    if (buffer == NULL)
        return ry_fail(err, RY_ENOMEM, "found no memory to be copied");
    uint64_t left = m->total - m->offset;
    uint64_t end = m->offset + (left < ASSEMBLY_COPY_BYTES ? left : ASSEMBLY_COPY_BYTES);
    struct stat st;
    bool shared = m->offset == 0 && ioctl(part.file_fd, FICLONE, from_fd) == 0;
    bool here = fstat(part.file_fd, &st) == 0 && (uint64_t)st.st_size == m->total && (shared || m->offset > 0);
    if (!here) {
        rc = check_room(&part, end - m->offset, err);
        if (rc == RY_OK)
            rc = copy_range(&part, from_fd, m->offset, end, buffer, err);
    }
    if (rc == RY_OK)
        rc = hash_range(&part, end, buffer, err);
    free(buffer);
    if (rc == RY_OK)
        rc = part_note(&part, err);
    *there = m->offset;
    return rc;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

int assembly_take(const struct assembly *assembly, struct ry_str clip_id, struct assembly_whole *whole,
                  struct ry_error *err)
{
    PART_AUTO part;
    *whole = (struct assembly_whole){.fd = -1};
    int rc = part_resume(&part, assembly, clip_id, err);
    if (rc != RY_OK)
        return rc;
    if (part.manifest.offset < part.manifest.total)
        return ry_fail(err, RY_EBUSY, "is not whole: %llu bytes of %llu are there",
                       (unsigned long long)part.manifest.offset, (unsigned long long)part.manifest.total);
    if (ftruncate(part.file_fd, (off_t)part.manifest.total) != 0)
        return fail_io(assembly, "its file cannot be cut", err);
    whole->bytes = part.manifest.total;
    ry_sha256_end(&part.manifest.sha256, whole->sha256);
    whole->fd = part.file_fd;
    part.file_fd = -1;
    return RY_OK;
}

void assembly_drop(const struct assembly *assembly, struct ry_str clip_id)
{
    PART_AUTO part;
    (void)part_open(&part, assembly, clip_id, false, NULL);
    if (part.folder_fd < 0)
        return;
    (void)unlinkat(part.folder_fd, part.file_name, 0);
    (void)unlinkat(part.folder_fd, part.manifest_name, 0);
}

unsigned assembly_sweep(const struct assembly *assembly, int64_t now_wall_ms)
{
    unsigned removed = 0;
    DIR *names = opendir(assembly->folder);
    const struct dirent *entry;
    while (names != NULL && (entry = readdir(names)) != NULL) {
        struct stat st;
        size_t n = strlen(entry->d_name);
        bool ours = n == 37 && (strcmp(entry->d_name + 32, ".keep") == 0 || strcmp(entry->d_name + 32, ".part") == 0);
        if (!ours || fstatat(dirfd(names), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            (int64_t)st.st_mtim.tv_sec * 1000 > now_wall_ms - STALE_MS)
            continue;
        removed += unlinkat(dirfd(names), entry->d_name, 0) == 0;
    }
    if (names != NULL)
        (void)closedir(names);
    return removed;
}
