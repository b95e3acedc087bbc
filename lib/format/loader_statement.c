#include "format/loader_statement.h"

#include "statement_slot.h"

/* Format and keys in the order of docs/spec/statement.md 3. No product is among them: a loader belongs to
 * a board, whatever application runs on it. */
static const char LOADER_KEYS[] = "1fota-loader\0hw\0version\0security-counter\0size\0sha256\0hash\0blob\0"
                                  "boot>\0notes\0";

enum fota_err loader_parse(const uint8_t *text, size_t n_bytes, struct statement *out)
{
    return statement_parse_whole(LOADER_KEYS, text, n_bytes, out);
}

/* A loader has one place and one hash, which stands for both slots here: so the code that compares offers
 * with rejected releases needs no case of its own for loaders. */
enum fota_err loader_slot_read(const struct statement *s, const char *hw, struct release_slot *out)
{
    static const struct slot_fields fields = {LOADER_HW,
                                              LOADER_VERSION,
                                              LOADER_COUNTER,
                                              LOADER_BOOT_MIN,
                                              LOADER_SIZE,
                                              LOADER_SHA256,
                                              {LOADER_HASH, LOADER_HASH}};
    return statement_read_slot(s, &fields, hw, out);
}
