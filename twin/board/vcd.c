/* Wires to a VCD file. */
#include "twin/vcd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, EDGES = 16, PS_PER_NS = 1000, LINE_MAX_BYTES = 32 };

/* One character each, in the order of enum twin_wire. */
static const char IDS[TWIN_WIRES + 1] = "scoirbf";
static const char *const NAMES[TWIN_WIRES] = {"NSS", "SCK", "MOSI", "MISO", "NRST", "BOOT0", "BSY"};

/* A byte on the wires; its edges are written when time has passed them. */
struct vcd_byte {
    uint64_t start_ps;
    uint64_t byte_ps;
    unsigned edge; /* next edge of SCK, EDGES: none left */
    uint8_t mosi;
    uint8_t miso;
};

struct vcd {
    struct twin *twin;
    FILE *file;
    uint64_t n_bytes;
    uint64_t max_bytes;
    uint64_t time_ns; /* of the last time written */
    uint64_t full_ns;
    uint32_t level; /* mask of enum twin_wire, as written */
    int error;      /* errno of the first write that failed */
    struct vcd_byte byte;
    char path[PATH_BYTES];
    char temporary[PATH_BYTES];
};

static void put_level(struct vcd *v, uint64_t time_ps, enum twin_wire wire, bool level)
{
    uint64_t time_ns = time_ps / PS_PER_NS;
    if ((v->level >> wire & 1) == level || v->full_ns) {
        return;
    }
    if (v->n_bytes + LINE_MAX_BYTES > v->max_bytes) {
        v->full_ns = time_ns;
        return;
    }
    int n = 0;
    if (time_ns > v->time_ns) {
        n = fprintf(v->file, "#%llu\n", (unsigned long long)time_ns);
        v->time_ns = time_ns;
    }
    n += fprintf(v->file, "%d%c\n", level, IDS[wire]);
    v->n_bytes += (uint64_t)(n > 0 ? n : 0);
    v->level ^= 1U << wire;
    if (ferror(v->file) && !v->error) {
        v->error = errno;
    }
}

/* Both data wires show a bit from the falling edge before it on: mode 0, MSB first. */
static void put_bit(struct vcd *v, uint64_t time_ps, unsigned bit)
{
    put_level(v, time_ps, TWIN_WIRE_MOSI, v->byte.mosi >> (7 - bit) & 1);
    put_level(v, time_ps, TWIN_WIRE_MISO, v->byte.miso >> (7 - bit) & 1);
}

/* Write the edges of the byte that are due by `time_ps`. */
static void pass_edges(struct vcd *v, uint64_t time_ps)
{
    struct vcd_byte *b = &v->byte;
    while (b->edge < EDGES && b->start_ps + b->byte_ps * (b->edge + 1) / EDGES <= time_ps) {
        uint64_t at_ps = b->start_ps + b->byte_ps * (b->edge + 1) / EDGES;
        bool is_rising = b->edge % 2 == 0;
        b->edge++;
        put_level(v, at_ps, TWIN_WIRE_SCK, is_rising);
        if (!is_rising && b->edge < EDGES) {
            put_bit(v, at_ps, b->edge / 2);
        }
    }
}

static void on_level(void *ctx, uint64_t time_ps, enum twin_wire wire, bool level)
{
    struct vcd *v = ctx;
    pass_edges(v, time_ps);
    put_level(v, time_ps, wire, level);
}

static void on_byte(void *ctx, uint64_t time_ps, uint64_t byte_ps, uint8_t mosi, uint8_t miso)
{
    struct vcd *v = ctx;
    pass_edges(v, time_ps);
    v->byte = (struct vcd_byte){.start_ps = time_ps, .byte_ps = byte_ps, .mosi = mosi, .miso = miso};
    put_bit(v, time_ps, 0);
}

static void put_header(struct vcd *v)
{
    int n = fprintf(v->file, "$comment STM32F407 twin, virtual time $end\n"
                             "$timescale 1 ns $end\n$scope module board $end\n");
    for (unsigned wire = 0; wire < TWIN_WIRES; wire++) {
        n += fprintf(v->file, "$var wire 1 %c %s $end\n", IDS[wire], NAMES[wire]);
    }
    n += fprintf(v->file, "$upscope $end\n$enddefinitions $end\n#%llu\n$dumpvars\n",
                 (unsigned long long)v->time_ns);
    for (unsigned wire = 0; wire < TWIN_WIRES; wire++) {
        n += fprintf(v->file, "0%c\n", IDS[wire]);
    }
    n += fprintf(v->file, "$end\n");
    v->n_bytes += (uint64_t)(n > 0 ? n : 0);
}

static bool create(struct vcd *v, const char *path, char *why, size_t why_bytes)
{
    int n = snprintf(v->path, sizeof v->path, "%s", path);
    int m = snprintf(v->temporary, sizeof v->temporary, "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || m < 0 || m >= PATH_BYTES) {
        (void)snprintf(why, why_bytes, "the name is too long");
        return false;
    }
    int fd = open(v->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    v->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!v->file) {
        (void)snprintf(why, why_bytes, "%s", strerror(errno));
        if (fd >= 0) {
            close(fd);
            unlink(v->temporary);
        }
    }
    return v->file;
}

struct vcd *vcd_open(struct twin *t, const char *path, uint64_t max_bytes, char *why, size_t why_bytes)
{
    static const struct twin_wire_watch watch = {.level = on_level, .byte = on_byte};
    struct vcd *v = calloc(1, sizeof *v);
    if (!v) {
        (void)snprintf(why, why_bytes, "out of memory");
        return NULL;
    }
    if (!create(v, path, why, why_bytes)) {
        free(v);
        return NULL;
    }
    v->twin = t;
    v->max_bytes = max_bytes;
    v->time_ns = twin_now_ns(t);
    v->byte.edge = EDGES;
    put_header(v);
    twin_watch_wires(t, &watch, v);
    return v;
}

uint64_t vcd_full_ns(const struct vcd *v)
{
    return v->full_ns;
}

bool vcd_close(struct vcd *v, char *why, size_t why_bytes)
{
    if (!v) {
        return true;
    }
    twin_watch_wires(v->twin, NULL, NULL);
    uint64_t end_ns = twin_now_ns(v->twin);
    pass_edges(v, end_ns * PS_PER_NS);
    end_ns = v->full_ns ? v->full_ns : end_ns;
    if (end_ns > v->time_ns) { /* a recording ends when it was ended, not at the last edge */
        (void)fprintf(v->file, "#%llu\n", (unsigned long long)end_ns);
    }
    int error = v->error;
    if (fclose(v->file) != 0 && !error) {
        error = errno;
    }
    if (!error && rename(v->temporary, v->path) != 0) {
        error = errno;
    }
    if (error) {
        (void)snprintf(why, why_bytes, "%s", strerror(error));
        unlink(v->temporary);
    }
    free(v);
    return error == 0;
}
