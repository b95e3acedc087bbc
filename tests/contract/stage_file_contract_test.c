/*
 * The contract of port/stage.h on files, with power cuts: the calls that change the medium go to a disk that
 * forgets. Of the writes that were not flushed any subset is lost or torn, and of the renames and unlinks the last ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "posix/stage_file.h"
#include "stage_contract.h"

enum { LOG_MAX = 256, OLD_BYTES = 4096 };

struct write_entry {
    ino_t inode;
    off_t off;
    size_t n_bytes;
    uint8_t old[OLD_BYTES];
};

struct name_entry {
    char from[128], to[128], saved[128]; /* from "": an unlink of `to`; saved "": nothing was there */
};

static struct {
    struct write_entry write[LOG_MAX];
    struct name_entry name[LOG_MAX];
    unsigned n_writes, n_names, n_saved, n_calls, cut_at;
    bool is_cut, is_lying;
    uint32_t random;
} disk;
static char folder[64];
static struct stage_file store;

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

static ssize_t write_at(int fd, const void *bytes, size_t n_bytes, off_t off)
{
    struct stat st;
    if (disk.is_cut) {
        errno = EIO;
        return -1;
    }
    assert_true(n_bytes <= OLD_BYTES && disk.n_writes < LOG_MAX && fstat(fd, &st) == 0);
    struct write_entry *e = &disk.write[disk.n_writes++];
    *e = (struct write_entry){.inode = st.st_ino, .off = off, .n_bytes = n_bytes};
    assert_true(pread(fd, e->old, n_bytes, off) >= 0);
    if (is_now()) {
        ssize_t n = pwrite(fd, bytes, draw((uint32_t)n_bytes + 1U), off);
        errno = EIO;
        return n < 0 ? n : -1;
    }
    return pwrite(fd, bytes, n_bytes, off);
}

static int flush(int fd)
{
    struct stat st;
    if (disk.is_cut) {
        errno = EIO;
        return -1;
    }
    assert_int_equal(fstat(fd, &st), 0);
    unsigned n = 0;
    for (unsigned i = 0; i < disk.n_writes && !disk.is_lying; i++) {
        if (disk.write[i].inode != st.st_ino) {
            disk.write[n++] = disk.write[i];
        }
    }
    disk.n_writes = disk.is_lying ? disk.n_writes : n;
    return 0;
}

/* A second name for what is about to lose its first. */
static void save(const char *path, char saved[128])
{
    (void)snprintf(saved, 128, "%s/saved-%u", folder, disk.n_saved++);
    if (link(path, saved) != 0) {
        saved[0] = '\0';
    }
}

static int rename_file(const char *from, const char *to)
{
    if (disk.is_cut || is_now()) {
        errno = EIO;
        return -1;
    }
    struct name_entry *e = &disk.name[disk.n_names++];
    assert_true(disk.n_names < LOG_MAX);
    (void)snprintf(e->from, sizeof e->from, "%s", from);
    (void)snprintf(e->to, sizeof e->to, "%s", to);
    save(to, e->saved);
    return rename(from, to);
}

static int unlink_file(const char *path)
{
    if (disk.is_cut || is_now()) {
        errno = EIO;
        return -1;
    }
    struct name_entry *e = &disk.name[disk.n_names++];
    e->from[0] = '\0';
    (void)snprintf(e->to, sizeof e->to, "%s", path);
    save(path, e->saved);
    return unlink(path);
}

static void forget_names(void)
{
    for (unsigned i = 0; i < disk.n_names; i++) {
        if (disk.name[i].saved[0]) {
            (void)unlink(disk.name[i].saved);
        }
    }
    disk.n_names = 0;
}

static int flush_names(const char *path)
{
    (void)path;
    if (disk.is_cut) {
        errno = EIO;
        return -1;
    }
    forget_names();
    return 0;
}

static void undo_write(const struct write_entry *e)
{
    static const char *const names[] = {"incoming", "incoming.new", "slot-a", "slot-b"};
    uint32_t from = draw(3) == 0 ? draw((uint32_t)e->n_bytes + 1U) : 0; /* torn: its beginning arrived */
    for (unsigned i = 0; i < disk.n_saved + 4U; i++) {
        char path[128];
        struct stat st;
        if (i < 4) {
            (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        } else {
            (void)snprintf(path, sizeof path, "%s/saved-%u", folder, i - 4U);
        }
        if (stat(path, &st) == 0 && st.st_ino == e->inode) {
            int fd = open(path, O_WRONLY);
            assert_true(fd >= 0);
            assert_true(pwrite(fd, e->old + from, e->n_bytes - from, e->off + (off_t)from) >= 0);
            assert_int_equal(close(fd), 0);
            return;
        }
    }
}

static void undo_name(const struct name_entry *e)
{
    if (e->from[0]) {
        assert_int_equal(rename(e->to, e->from), 0);
    }
    if (e->saved[0]) {
        assert_int_equal(link(e->saved, e->to), 0);
    }
}

static void open_store(struct stage_contract_env *env)
{
    static const struct stage_file_os OS = {write_at, flush, rename_file, unlink_file, flush_names};
    assert_int_equal(stage_file_open(&store, folder, &OS), FOTA_OK);
    store.item_max_bytes = STAGE_CONTRACT_SHELF_BYTES;
    env->stage = &store.stage;
}

static void restart(struct stage_contract_env *env)
{
    open_store(env);
}

static void cut_at(struct stage_contract_env *env, uint32_t write, uint32_t seed)
{
    (void)env;
    disk.n_calls = 0;
    disk.cut_at = write;
    disk.random = seed;
    disk.is_cut = false;
}

static bool is_cut(const struct stage_contract_env *env)
{
    (void)env;
    return disk.is_cut;
}

static void power_up(struct stage_contract_env *env, uint32_t seed)
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
    open_store(env);
}

static const struct stage_contract_world WORLD = {restart, cut_at, is_cut, power_up};

static void clear(void)
{
    static const char *const names[] = {"incoming", "incoming.new", "slot-a", "slot-b", "kit-root"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    forget_names();
    memset(&disk, 0, sizeof disk);
}

static void files_keep_the_stage_contract(void **state)
{
    (void)state;
    for (const struct stage_contract_case *c = STAGE_CONTRACT; c->name; c++) {
        struct stage_contract_env env = {.shelf_bytes = STAGE_CONTRACT_SHELF_BYTES, .world = &WORLD};
        clear();
        open_store(&env);
        const char *broken = c->run(&env);
        if (broken) {
            fail_msg("%s: %s", c->name, broken);
        }
    }
}

/* Planted: a disk whose flush does nothing loses more than the contract allows, and the suite says so. */
static void a_disk_that_does_not_flush_is_noticed(void **state)
{
    (void)state;
    bool is_noticed = false;
    for (const struct stage_contract_case *c = STAGE_CONTRACT; c->name && !is_noticed; c++) {
        struct stage_contract_env env = {.shelf_bytes = STAGE_CONTRACT_SHELF_BYTES, .world = &WORLD};
        clear();
        disk.is_lying = true;
        open_store(&env);
        is_noticed = strcmp(c->name, "power_that_fails_between_calls_costs_little") == 0 && c->run(&env);
    }
    assert_true(is_noticed);
}

static void damage_between_two_runs_is_an_empty_shelf(void **state)
{
    (void)state;
    static const uint8_t byte = 7;
    struct stage_item item = {.total_bytes = 1};
    struct stage_contract_env env = {.world = &WORLD};
    char path[128];
    clear();
    open_store(&env);
    assert_int_equal(stage_begin(env.stage, &item, NULL), FOTA_OK);
    assert_int_equal(stage_append(env.stage, 0, &byte, 1), FOTA_OK);
    assert_int_equal(stage_keep(env.stage, STAGE_SLOT_A), FOTA_OK);
    assert_int_equal(stage_look(env.stage, STAGE_SLOT_A, &item), FOTA_OK);
    (void)snprintf(path, sizeof path, "%s/slot-a", folder);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(stage_look(env.stage, STAGE_SLOT_A, &item), E_NOT_FOUND);
    assert_int_equal(stage_drop(env.stage, STAGE_SLOT_A), FOTA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_keep_the_stage_contract),
        cmocka_unit_test(a_disk_that_does_not_flush_is_noticed),
        cmocka_unit_test(damage_between_two_runs_is_an_empty_shelf),
    };
    (void)snprintf(folder, sizeof folder, "stage_file_test.XXXXXX");
    if (!mkdtemp(folder)) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    clear();
    return rmdir(folder) == 0 ? failed : 1;
}
