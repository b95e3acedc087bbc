#include "posix/stage_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/crc.h"

enum {
    CELL_BYTES = 2048, /* of the header; two of them */
    DATA_OFF = 2 * CELL_BYTES,
    MARK_BYTES = 12,
    MARK_EVERY_BYTES =
        3072, /* with a piece that the network delivers, 1 KB, no more than 4 KB are fetched again */
    CHUNK_BYTES = 4096,
    /* In a cell, little-endian. */
    AT_MAGIC = 0,
    AT_GENERATION = 4,
    AT_TOTAL = 8,
    AT_NOTE_BYTES = 12,
    AT_DIGEST = 16,
    AT_NOTE = AT_DIGEST + STAGE_DIGEST_BYTES,
    AT_CRC = AT_NOTE + STAGE_NOTE_MAX_BYTES
};
_Static_assert((int)MARK_EVERY_BYTES <= (int)STAGE_LOSS_MAX_BYTES, "what is not marked yet may be lost");
_Static_assert(AT_CRC + 4 <= CELL_BYTES, "a header fits its cell");
static const uint32_t magic = 0x31475453U; /* "STG1" */

static const char *const NAMES[STAGE_SHELVES] = {
    [STAGE_INCOMING] = "incoming", [STAGE_SLOT_A] = "slot-a",         [STAGE_SLOT_B] = "slot-b",
    [STAGE_KIT_ROOT] = "kit-root", [STAGE_KIT_LOADER] = "kit-loader", [STAGE_KIT_IMAGE] = "kit-image"};

static struct stage_file *of(struct stage *stage)
{
    return (struct stage_file *)stage; /* first member */
}

/* --- the system -------------------------------------------------------------------------------------- */

static int flush_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    int failed = fsync(fd);
    return close(fd) == 0 && failed == 0 ? 0 : -1;
}

static const struct stage_file_os SYSTEM = {
    .write_at = pwrite, .flush = fdatasync, .rename = rename, .unlink = unlink, .flush_folder = flush_folder};

static enum fota_err io_error(void)
{
    return errno == ENOSPC || errno == EDQUOT ? E_NO_SPACE : E_IO;
}

static void path_of(const struct stage_file *f, const char *name, char path[STAGE_FILE_PATH_BYTES])
{
    (void)snprintf(path, STAGE_FILE_PATH_BYTES, "%s/%s", f->folder, name); /* fits: stage_file_open asked */
}

/* @return -1: not there, or not readable (errno) */
static int open_shelf(const struct stage_file *f, enum stage_shelf shelf, int flags)
{
    char path[STAGE_FILE_PATH_BYTES];
    path_of(f, NAMES[shelf], path);
    return open(path, flags | O_CLOEXEC);
}

static bool write_all(const struct stage_file *f, int fd, const void *bytes, size_t n_bytes, uint32_t off)
{
    return f->os->write_at(fd, bytes, n_bytes, (off_t)off) == (ssize_t)n_bytes;
}

static bool read_all(int fd, void *bytes, size_t n_bytes, uint32_t off)
{
    return pread(fd, bytes, n_bytes, (off_t)off) == (ssize_t)n_bytes;
}

/* --- header ------------------------------------------------------------------------------------------ */

static void make_cell(const struct stage_item *item, const uint8_t *note, uint32_t generation,
                      uint8_t cell[CELL_BYTES])
{
    memset(cell, 0, CELL_BYTES);
    bytes_store_le32(cell + AT_MAGIC, magic);
    bytes_store_le32(cell + AT_GENERATION, generation);
    bytes_store_le32(cell + AT_TOTAL, item->total_bytes);
    bytes_store_le32(cell + AT_NOTE_BYTES, item->n_note_bytes);
    memcpy(cell + AT_DIGEST, item->digest, STAGE_DIGEST_BYTES);
    if (item->n_note_bytes > 0) {
        memcpy(cell + AT_NOTE, note, item->n_note_bytes);
    }
    bytes_store_le32(cell + AT_CRC, crc32_update(0, cell, AT_CRC));
}

static bool is_sound(const uint8_t cell[CELL_BYTES])
{
    return bytes_load_le32(cell + AT_MAGIC) == magic &&
           bytes_load_le32(cell + AT_CRC) == crc32_update(0, cell, AT_CRC) &&
           bytes_load_le32(cell + AT_TOTAL) > 0 &&
           bytes_load_le32(cell + AT_NOTE_BYTES) <= STAGE_NOTE_MAX_BYTES;
}

/* The newer sound cell. @return false: there is none */
static bool read_header(int fd, uint8_t cell[CELL_BYTES], struct stage_item *item, uint32_t *generation)
{
    uint8_t other[CELL_BYTES];
    bool has_first = read_all(fd, cell, CELL_BYTES, 0) && is_sound(cell);
    bool has_second = read_all(fd, other, CELL_BYTES, CELL_BYTES) && is_sound(other);
    bool is_second = has_second && (!has_first || bytes_load_le32(other + AT_GENERATION) >
                                                      bytes_load_le32(cell + AT_GENERATION));
    if (is_second) {
        memcpy(cell, other, CELL_BYTES);
    }
    if (!has_first && !has_second) {
        return false;
    }
    memset(item, 0, sizeof *item);
    memcpy(item->digest, cell + AT_DIGEST, STAGE_DIGEST_BYTES);
    item->total_bytes = bytes_load_le32(cell + AT_TOTAL);
    item->n_note_bytes = bytes_load_le32(cell + AT_NOTE_BYTES);
    *generation = bytes_load_le32(cell + AT_GENERATION);
    return true;
}

/* --- marks ------------------------------------------------------------------------------------------- */

static bool crc_of_range(int fd, uint32_t off, uint32_t end, uint32_t *crc)
{
    uint8_t chunk[CHUNK_BYTES];
    uint32_t sum = 0;
    while (off < end) {
        const uint32_t n = end - off < CHUNK_BYTES ? end - off : CHUNK_BYTES;
        if (!read_all(fd, chunk, n, DATA_OFF + off)) {
            return false;
        }
        sum = crc32_update(sum, chunk, n);
        off += n;
    }
    *crc = sum;
    return true;
}

static uint32_t mark_off(const struct stage_file *f, uint32_t n)
{
    return DATA_OFF + f->item.total_bytes + n * MARK_BYTES;
}

/* The next mark, if it and its bytes are whole. */
static bool take_mark(struct stage_file *f, int fd)
{
    uint8_t mark[MARK_BYTES];
    uint32_t crc = 0;
    if (!read_all(fd, mark, sizeof mark, mark_off(f, f->n_marks)) ||
        bytes_load_le32(mark + 8) != crc32_update(0, mark, 8)) {
        return false;
    }
    uint32_t end = bytes_load_le32(mark);
    if (end <= f->n_marked_bytes || end > f->item.total_bytes ||
        !crc_of_range(fd, f->n_marked_bytes, end, &crc) || crc != bytes_load_le32(mark + 4)) {
        return false;
    }
    f->n_marks++;
    f->n_marked_bytes = end;
    return true;
}

/* What INCOMING holds; read once, then known. */
static void learn(struct stage_file *f)
{
    uint8_t cell[CELL_BYTES];
    if (f->is_known) {
        return;
    }
    f->is_known = true;
    f->n_marks = 0;
    f->n_marked_bytes = 0;
    int fd = open_shelf(f, STAGE_INCOMING, O_RDONLY);
    f->is_there = fd >= 0 && read_header(fd, cell, &f->item, &f->generation);
    while (f->is_there && f->n_marked_bytes < f->item.total_bytes && take_mark(f, fd)) {
    }
    f->item.n_bytes = f->n_marked_bytes;
    if (fd >= 0) {
        (void)close(fd); /* only read */
    }
}

static enum fota_err put_mark(struct stage_file *f, int fd)
{
    uint8_t mark[MARK_BYTES];
    uint32_t crc = 0;
    if (!crc_of_range(fd, f->n_marked_bytes, f->item.n_bytes, &crc)) {
        return E_IO;
    }
    bytes_store_le32(mark, f->item.n_bytes);
    bytes_store_le32(mark + 4, crc);
    bytes_store_le32(mark + 8, crc32_update(0, mark, 8));
    if (!write_all(f, fd, mark, sizeof mark, mark_off(f, f->n_marks)) || f->os->flush(fd) != 0) {
        return io_error();
    }
    f->n_marks++;
    f->n_marked_bytes = f->item.n_bytes;
    return FOTA_OK;
}

/* --- stage.h ----------------------------------------------------------------------------------------- */

static enum fota_err look(struct stage *stage, enum stage_shelf shelf, struct stage_item *out)
{
    struct stage_file *f = of(stage);
    uint8_t cell[CELL_BYTES];
    struct stat st;
    uint32_t generation = 0;
    if ((unsigned)shelf >= STAGE_SHELVES) {
        return E_ARG;
    }
    if (shelf == STAGE_INCOMING) {
        learn(f);
        *out = f->is_there ? f->item : *out;
        return f->is_there ? FOTA_OK : E_NOT_FOUND;
    }
    struct stage_item item;
    int fd = open_shelf(f, shelf, O_RDONLY);
    if (fd < 0) {
        return errno == ENOENT ? E_NOT_FOUND : E_IO;
    }
    bool is_whole = read_header(fd, cell, &item, &generation) && fstat(fd, &st) == 0 &&
                    st.st_size >= (off_t)DATA_OFF + (off_t)item.total_bytes;
    (void)close(fd); /* only read */
    if (!is_whole) {
        return E_NOT_FOUND; /* damaged by something else than this store: as if it were not there */
    }
    item.n_bytes = item.total_bytes; /* only complete items are kept */
    *out = item;
    return FOTA_OK;
}

/* Bytes `off`.. of a file of the shelf. */
static enum fota_err read_file(struct stage_file *f, enum stage_shelf shelf, uint32_t off, uint8_t *bytes,
                               size_t n_bytes)
{
    int fd = open_shelf(f, shelf, O_RDONLY);
    if (fd < 0) {
        return E_IO;
    }
    bool is_read = read_all(fd, bytes, n_bytes, off);
    (void)close(fd); /* only read */
    return is_read ? FOTA_OK : E_IO;
}

static enum fota_err note(struct stage *stage, enum stage_shelf shelf, uint8_t *bytes, size_t n_bytes)
{
    struct stage_item item;
    uint8_t cell[CELL_BYTES];
    uint32_t generation = 0;
    enum fota_err err = look(stage, shelf, &item);
    if (err) {
        return err;
    }
    if (n_bytes > item.n_note_bytes) {
        return E_ARG;
    }
    int fd = open_shelf(of(stage), shelf, O_RDONLY);
    if (fd < 0) {
        return E_IO;
    }
    bool is_read = read_header(fd, cell, &item, &generation);
    (void)close(fd); /* only read */
    if (is_read) {
        memcpy(bytes, cell + AT_NOTE, n_bytes);
    }
    return is_read ? FOTA_OK : E_IO;
}

/* A new file beside the old one, then over it. */
static enum fota_err begin_anew(struct stage_file *f, const struct stage_item *item, const uint8_t *text)
{
    uint8_t cell[CELL_BYTES];
    char beside[STAGE_FILE_PATH_BYTES], path[STAGE_FILE_PATH_BYTES];
    path_of(f, "incoming.new", beside);
    path_of(f, NAMES[STAGE_INCOMING], path);
    make_cell(item, text, 1, cell);
    int fd = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return io_error();
    }
    bool is_written = write_all(f, fd, cell, CELL_BYTES, 0) && f->os->flush(fd) == 0;
    enum fota_err err = is_written ? FOTA_OK : io_error();
    err = close(fd) == 0 ? err : io_error();
    if (!err && (f->os->rename(beside, path) != 0 || f->os->flush_folder(f->folder) != 0)) {
        err = io_error();
    }
    return err;
}

static enum fota_err replace_note(struct stage_file *f, const struct stage_item *item, const uint8_t *text)
{
    uint8_t cell[CELL_BYTES];
    uint32_t generation = f->generation + 1U;
    int fd = open_shelf(f, STAGE_INCOMING, O_RDWR);
    if (fd < 0) {
        return E_IO;
    }
    make_cell(item, text, generation, cell);
    uint32_t off = generation % 2U ? 0 : CELL_BYTES; /* the first generation is in the first cell */
    bool is_written = write_all(f, fd, cell, CELL_BYTES, off) && f->os->flush(fd) == 0;
    enum fota_err err = is_written ? FOTA_OK : io_error();
    return close(fd) == 0 ? err : io_error();
}

static enum fota_err begin(struct stage *stage, const struct stage_item *item, const uint8_t *text)
{
    struct stage_file *f = of(stage);
    if (item->total_bytes == 0 || item->n_note_bytes > STAGE_NOTE_MAX_BYTES) {
        return E_ARG;
    }
    if (item->total_bytes > f->item_max_bytes) {
        return E_NO_SPACE;
    }
    learn(f);
    bool is_same = f->is_there && f->item.total_bytes == item->total_bytes &&
                   memcmp(f->item.digest, item->digest, sizeof item->digest) == 0;
    enum fota_err err = is_same ? replace_note(f, item, text) : begin_anew(f, item, text);
    uint32_t n_unmarked = is_same ? f->item.n_bytes - f->n_marked_bytes : 0;
    f->is_known = false; /* read anew: what is there is what the medium says */
    learn(f);
    if (!err && f->is_there) { /* bytes without a mark are still in the file */
        f->item.n_bytes += n_unmarked;
    }
    return err;
}

static enum fota_err append_part(struct stage_file *f, int fd, const uint8_t *bytes, uint32_t n_bytes)
{
    if (!write_all(f, fd, bytes, n_bytes, DATA_OFF + f->item.n_bytes)) {
        return io_error();
    }
    f->item.n_bytes += n_bytes;
    bool is_due =
        f->item.n_bytes - f->n_marked_bytes >= MARK_EVERY_BYTES || f->item.n_bytes == f->item.total_bytes;
    return is_due ? put_mark(f, fd) : FOTA_OK;
}

static enum fota_err append(struct stage *stage, uint32_t off, const uint8_t *bytes, size_t n_bytes)
{
    struct stage_file *f = of(stage);
    learn(f);
    if (!f->is_there) {
        return E_NOT_FOUND;
    }
    if (off != f->item.n_bytes || n_bytes > f->item.total_bytes - off) {
        return E_ARG;
    }
    int fd = open_shelf(f, STAGE_INCOMING, O_RDWR);
    if (fd < 0) {
        return E_IO;
    }
    enum fota_err err = FOTA_OK;
    while (n_bytes > 0 && !err) {
        const uint32_t room = MARK_EVERY_BYTES - (f->item.n_bytes - f->n_marked_bytes);
        const uint32_t n = n_bytes < room ? (uint32_t)n_bytes : room;
        err = append_part(f, fd, bytes, n);
        bytes += n;
        n_bytes -= n;
    }
    if (close(fd) != 0 && !err) {
        err = io_error();
    }
    f->is_known = !err; /* after a failure the marks say what is there */
    return err;
}

static enum fota_err read_item(struct stage *stage, enum stage_shelf shelf, uint32_t off, uint8_t *bytes,
                               size_t n_bytes)
{
    struct stage_item item;
    enum fota_err err = look(stage, shelf, &item);
    if (err) {
        return err;
    }
    if (off > item.n_bytes || n_bytes > item.n_bytes - off) {
        return E_ARG;
    }
    return read_file(of(stage), shelf, DATA_OFF + off, bytes, n_bytes);
}

static enum fota_err keep(struct stage *stage, enum stage_shelf shelf)
{
    struct stage_file *f = of(stage);
    char from[STAGE_FILE_PATH_BYTES], to[STAGE_FILE_PATH_BYTES];
    if (shelf == STAGE_INCOMING || (unsigned)shelf >= STAGE_SHELVES) {
        return E_ARG;
    }
    learn(f);
    if (!f->is_there) {
        return E_NOT_FOUND;
    }
    if (f->n_marked_bytes != f->item.total_bytes) { /* the last mark was flushed with the last byte */
        return E_STATE;
    }
    path_of(f, NAMES[STAGE_INCOMING], from);
    path_of(f, NAMES[shelf], to);
    f->is_known = false;
    return f->os->rename(from, to) == 0 && f->os->flush_folder(f->folder) == 0 ? FOTA_OK : io_error();
}

static enum fota_err drop(struct stage *stage, enum stage_shelf shelf)
{
    struct stage_file *f = of(stage);
    char path[STAGE_FILE_PATH_BYTES];
    if ((unsigned)shelf >= STAGE_SHELVES) {
        return E_ARG;
    }
    path_of(f, NAMES[shelf], path);
    f->is_known = f->is_known && shelf != STAGE_INCOMING;
    if (f->os->unlink(path) != 0) {
        return errno == ENOENT ? FOTA_OK : E_IO;
    }
    return f->os->flush_folder(f->folder) == 0 ? FOTA_OK : E_IO;
}

enum fota_err stage_file_open(struct stage_file *file, const char *folder, const struct stage_file_os *os)
{
    static const struct stage_ops ops = {.look = look,
                                         .note = note,
                                         .begin = begin,
                                         .append = append,
                                         .read = read_item,
                                         .keep = keep,
                                         .drop = drop};
    *file = (struct stage_file){.stage = {.ops = &ops},
                                .os = os ? os : &SYSTEM,
                                .folder = folder,
                                .item_max_bytes = STAGE_FILE_ITEM_MAX_BYTES};
    if (strlen(folder) + sizeof "/incoming.new" > STAGE_FILE_PATH_BYTES) {
        return E_ARG;
    }
    return mkdir(folder, 0700) == 0 || errno == EEXIST ? FOTA_OK : E_IO;
}
