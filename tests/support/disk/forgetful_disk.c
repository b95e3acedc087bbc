#include "forgetful_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOG_MAX = 256, OLD_BYTES = 4096, PATH_BYTES = 128 };

struct write_entry {
    ino_t inode;
    off_t off;
    size_t n_bytes;
    uint8_t old[OLD_BYTES];
};

struct name_entry {
    char from[PATH_BYTES], to[PATH_BYTES],
        saved[PATH_BYTES]; /* from "": an unlink of `to`; saved "": nothing was there */
};

static struct {
    const char *folder;
    struct write_entry write[LOG_MAX];
    struct name_entry name[LOG_MAX];
    unsigned n_writes, n_names, n_saved, n_calls, cut_at;
    bool is_cut, is_lying;
    uint32_t random;
} disk;

static const char *const NAMES[] = {"incoming", "incoming.new", "slot-a",   "slot-b",
                                    "kit-root", "kit-loader",   "kit-image"};
enum { N_NAMES = sizeof NAMES / sizeof NAMES[0] };

static void must(bool is_so)
{
    if (!is_so) {
        (void)fprintf(stderr, "forgetful disk: the system or the test does what it was not made for\n");
        abort();
    }
}

static uint32_t draw(uint32_t n)
{
    disk.random = disk.random * 1664525U + 1013904223U;
    return (disk.random >> 8) % n;
}

/* Counts a call that changes the medium. @return true: the cut comes in this one */
static bool is_now(void)
{
    disk.n_calls++;
    bool is_it = disk.cut_at && disk.n_calls == disk.cut_at;
    disk.is_cut = disk.is_cut || is_it;
    return is_it;
}

static int fail(void)
{
    errno = EIO;
    return -1;
}

static ssize_t write_at(int fd, const void *bytes, size_t n_bytes, off_t off)
{
    struct stat st;
    if (disk.is_cut) {
        return fail();
    }
    must(n_bytes <= OLD_BYTES && disk.n_writes < LOG_MAX && fstat(fd, &st) == 0);
    struct write_entry *e = &disk.write[disk.n_writes++];
    *e = (struct write_entry){.inode = st.st_ino, .off = off, .n_bytes = n_bytes};
    must(pread(fd, e->old, n_bytes, off) >= 0);
    if (is_now()) {
        must(pwrite(fd, bytes, draw((uint32_t)n_bytes + 1U), off) >= 0);
        return fail();
    }
    return pwrite(fd, bytes, n_bytes, off);
}

static void forget_writes(ino_t inode)
{
    unsigned n = 0;
    for (unsigned i = 0; i < disk.n_writes; i++) {
        if (disk.write[i].inode != inode) {
            disk.write[n++] = disk.write[i];
        }
    }
    disk.n_writes = n;
}

static int flush(int fd)
{
    struct stat st;
    if (disk.is_cut) {
        return fail();
    }
    must(fstat(fd, &st) == 0);
    if (!disk.is_lying) {
        forget_writes(st.st_ino);
    }
    return 0;
}

/* A second name for what is about to lose its first. */
static void save(const char *path, char saved[PATH_BYTES])
{
    (void)snprintf(saved, PATH_BYTES, "%s/saved-%u", disk.folder, disk.n_saved++);
    if (link(path, saved) != 0) {
        saved[0] = '\0';
    }
}

static struct name_entry *next_name(const char *from, const char *to)
{
    must(disk.n_names < LOG_MAX);
    struct name_entry *e = &disk.name[disk.n_names++];
    (void)snprintf(e->from, sizeof e->from, "%s", from);
    (void)snprintf(e->to, sizeof e->to, "%s", to);
    save(to, e->saved);
    return e;
}

static int rename_file(const char *from, const char *to)
{
    if (disk.is_cut || is_now()) {
        return fail();
    }
    (void)next_name(from, to);
    return rename(from, to);
}

static int unlink_file(const char *path)
{
    if (disk.is_cut || is_now()) {
        return fail();
    }
    if (next_name("", path)->saved[0] == '\0') {
        disk.n_names--; /* nothing was there */
    }
    return unlink(path);
}

static void forget_names(void)
{
    for (unsigned i = 0; i < disk.n_names; i++) {
        struct stat st;
        if (disk.name[i].saved[0] && stat(disk.name[i].saved, &st) == 0) {
            if (st.st_nlink == 1) {
                forget_writes(st.st_ino); /* the file ends here, and its number may be used again */
            }
            (void)unlink(disk.name[i].saved);
        }
    }
    disk.n_names = 0;
}

static int flush_names(const char *path)
{
    (void)path;
    if (disk.is_cut) {
        return fail();
    }
    if (!disk.is_lying) {
        forget_names();
    }
    return 0;
}

/* A file of the folder, or of those that lost their name; NULL: no file has this inode any more. */
static const char *find(ino_t inode, char path[PATH_BYTES])
{
    struct stat st;
    for (unsigned i = 0; i < N_NAMES + disk.n_saved; i++) {
        if (i < N_NAMES) {
            (void)snprintf(path, PATH_BYTES, "%s/%s", disk.folder, NAMES[i]);
        } else {
            (void)snprintf(path, PATH_BYTES, "%s/saved-%u", disk.folder, i - N_NAMES);
        }
        if (stat(path, &st) == 0 && st.st_ino == inode) {
            return path;
        }
    }
    return NULL;
}

static void undo_write(const struct write_entry *e)
{
    uint32_t from = draw(3) == 0 ? draw((uint32_t)e->n_bytes + 1U) : 0; /* torn: its beginning arrived */
    char path[PATH_BYTES];
    if (!find(e->inode, path)) {
        return;
    }
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd >= 0);
    must(pwrite(fd, e->old + from, e->n_bytes - from, e->off + (off_t)from) >= 0);
    must(close(fd) == 0);
}

static void undo_name(const struct name_entry *e)
{
    if (e->from[0]) {
        must(rename(e->to, e->from) == 0);
    }
    if (e->saved[0]) {
        must(link(e->saved, e->to) == 0);
    }
}

const struct stage_file_os FORGETFUL_DISK = {write_at, flush, rename_file, unlink_file, flush_names};

void forgetful_disk_init(const char *folder, bool is_lying)
{
    disk.folder = folder;
    forgetful_disk_clear();
    memset(&disk, 0, sizeof disk);
    disk.folder = folder;
    disk.is_lying = is_lying;
}

void forgetful_disk_cut_at(unsigned call, uint32_t seed)
{
    disk.cut_at = call ? disk.n_calls + call : 0;
    disk.random = seed;
    disk.is_cut = false;
}

bool forgetful_disk_is_cut(void)
{
    return disk.is_cut;
}

unsigned forgetful_disk_calls(void)
{
    return disk.n_calls;
}

void forgetful_disk_power_up(uint32_t seed)
{
    disk.random = seed * 2654435761U + 1U;
    for (unsigned i = disk.n_writes; i > 0; i--) {
        if (draw(2)) {
            undo_write(&disk.write[i - 1]);
        }
    }
    unsigned keep = draw(disk.n_names + 1U);
    for (unsigned i = disk.n_names; i > keep; i--) {
        undo_name(&disk.name[i - 1]);
    }
    disk.n_writes = 0;
    forget_names();
    disk.n_saved = 0;
    disk.cut_at = 0;
    disk.is_cut = false;
}

void forgetful_disk_clear(void)
{
    for (unsigned i = 0; i < N_NAMES; i++) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof path, "%s/%s", disk.folder, NAMES[i]);
        (void)unlink(path);
    }
    forget_names();
    disk.n_writes = 0;
}
