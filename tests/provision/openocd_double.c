/*
 * Stands where OpenOCD stands, with the twin where the probe and the board stand: runs the Tcl files of its
 * command line under jimsh (board.tcl) and serves their accesses on the twin's bus. The core is held by NRST
 * meanwhile.
 *
 * Usage: openocd_double [-f FILE.tcl | -f FILE.cfg | -c COMMAND]...     .cfg files and commands are skipped
 *
 * Environment:
 *   BOARD      the board's files: BOARD.flash, BOARD.options, BOARD.otp; a board without them is new
 *   BOARD_TCL  path of board.tcl
 *   CUT        the supply is cut at this flash operation; then the same command line runs again
 *   FLIP       address of a byte that comes out wrong when the flash is written
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/flash_map.h"
#include "twin/twin.h"

enum {
    MAX_FILES = 8,
    MAX_RUNS = 3,
    LINE_BYTES = 1024,
    PATH_BYTES = 512,
    OTP_BYTES = 32,
    ACCESS_US = 100, /* what an access over a debug probe takes at least */
    BOOT_MS = 3000,
    SR_BSY = 1 << 16,
    CR_PG_X32 = 0x201,
    CR_ERASE_X32 = 0x202,
    CR_STRT = 1 << 16
};
#define FLASH_KEYR 0x40023C04U
#define FLASH_SR   0x40023C0CU
#define FLASH_CR   0x40023C10U
#define CR_LOCK    0x80000000U

struct board {
    struct twin *twin;
    const char *name;
    uint32_t flip; /* 0: none */
    bool is_cut;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "openocd_double: %s\n", what);
    exit(2);
}

static void pass_us(struct board *b, uint64_t us)
{
    if (twin_run_until(b->twin, twin_now_ns(b->twin) + us * 1000) == TWIN_STOP_POWER) {
        b->is_cut = true;
    }
}

/* --- the board's files --- */

static FILE *open_file(const struct board *b, const char *ending, const char *mode)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s.%s", b->name, ending);
    return fopen(path, mode);
}

static void load_bytes(struct board *b, const char *ending, uint32_t addr, size_t n_bytes)
{
    static uint8_t bytes[FLASH_MAP_BYTES];
    FILE *f = open_file(b, ending, "rb");
    if (!f) {
        return;
    }
    if (fread(bytes, 1, n_bytes, f) != n_bytes || !twin_flash_store(b->twin, addr, bytes, n_bytes)) {
        die("a file of the board is too short");
    }
    (void)fclose(f);
}

static void load_board(struct board *b)
{
    uint32_t options;
    load_bytes(b, "flash", FLASH_MAP_BASE, FLASH_MAP_BYTES);
    load_bytes(b, "otp", OTP_EPOCH_BASE, OTP_BYTES);
    FILE *f = open_file(b, "options", "r");
    if (f) {
        if (fscanf(f, "%" SCNx32, &options) != 1) {
            die("the file of option bytes holds no number");
        }
        twin_set_options(b->twin, options);
        (void)fclose(f);
    }
}

static void save_bytes(struct board *b, const char *ending, uint32_t addr, size_t n_bytes)
{
    static uint8_t bytes[FLASH_MAP_BYTES];
    FILE *f = open_file(b, ending, "wb");
    if (!f || !twin_peek(b->twin, addr, bytes, n_bytes) || fwrite(bytes, 1, n_bytes, f) != n_bytes ||
        fclose(f)) {
        die("cannot write the board's files");
    }
}

static void save_board(struct board *b)
{
    save_bytes(b, "flash", FLASH_MAP_BASE, FLASH_MAP_BYTES);
    save_bytes(b, "otp", OTP_EPOCH_BASE, OTP_BYTES);
    FILE *f = open_file(b, "options", "w");
    if (!f || fprintf(f, "0x%08" PRIX32 "\n", twin_options(b->twin)) < 0 || fclose(f)) {
        die("cannot write the board's files");
    }
}

/* --- what OpenOCD's flash driver does --- */

static bool write_word(struct board *b, uint32_t addr, uint32_t value)
{
    return twin_debug_write(b->twin, addr, 4, value);
}

static bool wait_idle(struct board *b)
{
    uint32_t sr = SR_BSY;
    while (!b->is_cut && twin_debug_read(b->twin, FLASH_SR, 4, &sr) && (sr & SR_BSY)) {
        pass_us(b, 10);
    }
    return !b->is_cut && sr == 0;
}

static bool unlock(struct board *b)
{
    return write_word(b, FLASH_KEYR, 0x45670123U) && write_word(b, FLASH_KEYR, 0xCDEF89ABU);
}

static bool erase(struct board *b, unsigned first, unsigned last)
{
    bool is_good = unlock(b);
    for (unsigned i = first; is_good && i <= last; i++) {
        is_good = write_word(b, FLASH_CR, CR_ERASE_X32 | i << 3) &&
                  write_word(b, FLASH_CR, CR_ERASE_X32 | i << 3 | CR_STRT) && wait_idle(b);
    }
    return is_good && write_word(b, FLASH_CR, CR_LOCK);
}

static bool program(struct board *b, uint32_t addr, const char *path)
{
    uint8_t bytes[4];
    FILE *f = fopen(path, "rb");
    bool is_good = f && unlock(b) && write_word(b, FLASH_CR, CR_PG_X32);
    while (is_good && fread(bytes, 1, 4, f) == 4) {
        if (b->flip - addr < 4) {
            bytes[b->flip - addr] ^= 0x10;
        }
        uint32_t value = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                         (uint32_t)bytes[3] << 24;
        is_good = write_word(b, addr, value) && wait_idle(b);
        addr += 4;
    }
    if (f) {
        (void)fclose(f);
    }
    return is_good && write_word(b, FLASH_CR, CR_LOCK);
}

/* --- requests --- */

/* Edge on NRST; low again before the core starts, so that it never runs. */
static bool reset_halt(struct board *b)
{
    twin_set_pin(b->twin, TWIN_PIN_NRST, true);
    twin_set_pin(b->twin, TWIN_PIN_NRST, false);
    pass_us(b, ACCESS_US);
    return !b->is_cut;
}

static bool reset_run(struct board *b)
{
    twin_set_pin(b->twin, TWIN_PIN_NRST, true);
    return true;
}

static bool carry_out(struct board *b, const char *line, uint32_t *value)
{
    char verb[16] = "";
    char path[PATH_BYTES] = "";
    uint32_t x = 0;
    uint32_t y = 0;
    *value = 0;
    (void)sscanf(line, "%15s %" SCNx32 " %" SCNx32, verb, &x, &y);
    if (strcmp(verb, "mrw") == 0) {
        return twin_debug_read(b->twin, x, 4, value);
    }
    if (strcmp(verb, "mww") == 0) {
        return write_word(b, x, y);
    }
    if (strcmp(verb, "erase") == 0) {
        return erase(b, x, y);
    }
    if (strcmp(verb, "write") == 0) {
        return sscanf(line, "%*s %*s %511[^\n]", path) == 1 && program(b, x, path);
    }
    return strcmp(verb, "reset-halt") == 0  ? reset_halt(b)
           : strcmp(verb, "reset-run") == 0 ? reset_run(b)
                                            : strcmp(verb, "halt") == 0;
}

static void serve(struct board *b, FILE *requests, FILE *answers)
{
    char line[LINE_BYTES];
    uint32_t value;
    while (fgets(line, sizeof line, requests)) {
        bool is_good = !b->is_cut && carry_out(b, line, &value);
        if (is_good && strncmp(line, "reset-run", 9) != 0) {
            pass_us(b, ACCESS_US);
        }
        int n = b->is_cut  ? fprintf(answers, "the supply is off\n")
                : !is_good ? fprintf(answers, "refused: %s", line)
                           : fprintf(answers, "ok 0x%" PRIx32 "\n", value);
        if (n < 0 || fflush(answers)) {
            die("cannot answer the script");
        }
    }
}

/* The script as a child whose descriptors 3 and 4 are the two pipes. @return its exit code */
static int run_script(struct board *b, char *const *arguments)
{
    int to_us[2];
    int to_it[2];
    if (pipe(to_us) || pipe(to_it)) {
        die("no pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        int out = dup(to_us[1]); /* out of the way of 3 and 4 */
        int in = dup(to_it[0]);
        if (dup2(out, 3) != 3 || dup2(in, 4) != 4) {
            _exit(2);
        }
        for (int fd = 5; fd < 32; fd++) {
            (void)close(fd);
        }
        (void)execvp("jimsh", arguments);
        _exit(127);
    }
    (void)close(to_us[1]);
    (void)close(to_it[0]);
    FILE *requests = fdopen(to_us[0], "r");
    FILE *answers = fdopen(to_it[1], "w");
    if (child < 0 || !requests || !answers) {
        die("cannot start jimsh");
    }
    serve(b, requests, answers);
    int status = 0;
    (void)fclose(requests);
    (void)fclose(answers);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

static void hold_and_power(struct board *b)
{
    twin_set_pin(b->twin, TWIN_PIN_NRST, false);
    twin_set_power(b->twin, true);
    b->is_cut = false;
    pass_us(b, 5000);
}

static void report(struct board *b)
{
    const struct twin_stats *stats = twin_stats(b->twin);
    struct twin_violation v;
    uint32_t pc;
    printf("board: %" PRIu64 " flash operations, %" PRIu64 " violations\n", stats->flash_ops,
           stats->violations);
    if (twin_violation(b->twin, 0, &v) > 0) {
        printf("board: %s\n", v.text);
    }
    twin_set_power(b->twin, false);
    twin_set_pin(b->twin, TWIN_PIN_NRST, true);
    twin_set_power(b->twin, true);
    pass_us(b, BOOT_MS * 1000ULL);
    pc = twin_reg(b->twin, 15);
    printf("board: %s\n", pc - FLASH_SLOT_A_BASE < FLASH_SLOT_BYTES ? "the application of slot A runs"
                                                                    : "no application runs");
}

int main(int argc, char **argv)
{
    const struct twin_config config = {.seed = 1};
    char why[128] = "";
    char *arguments[MAX_FILES + 3] = {(char[]){"jimsh"}, getenv("BOARD_TCL")};
    size_t n = 2;
    for (int i = 1; i + 1 < argc && n < MAX_FILES + 2; i++) {
        if (strcmp(argv[i], "-f") == 0 && strstr(argv[i + 1], ".tcl")) {
            arguments[n++] = argv[i + 1];
        }
    }
    const char *flip = getenv("FLIP");
    const char *cut = getenv("CUT");
    struct board b = {.twin = twin_create(&config, why, sizeof why), .name = getenv("BOARD")};
    if (!b.twin || !b.name || !arguments[1] || n == 2) {
        die("give BOARD, BOARD_TCL and a script; see the head of openocd_double.c");
    }
    b.flip = flip ? (uint32_t)strtoul(flip, NULL, 0) : 0;
    load_board(&b);
    if (cut && !twin_plan_cut(b.twin, strtoull(cut, NULL, 0), TWIN_CUT_HALF)) {
        die("CUT is no operation to come");
    }
    int code = 2;
    for (unsigned i = 0; i < MAX_RUNS; i++) {
        hold_and_power(&b);
        code = run_script(&b, arguments);
        if (!b.is_cut) {
            break;
        }
        printf("board: the supply was cut, run %u ended with %d\n", i + 1, code);
    }
    report(&b);
    save_board(&b);
    twin_destroy(b.twin);
    return fflush(stdout) ? 2 : code;
}
