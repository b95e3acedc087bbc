/* What credentials stand in: replies of STS (XML), of SSO and of the endpoints of a machine (JSON), AWS's files of profiles, a
 * command, a time. The input is one text; every reader reads it. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "service/credentials.h"

enum { INPUT_MAX_BYTES = 2100, SHORT_BYTES = 24, WORDS = 8 };
static const uint64_t YEAR_10000_S = 253402300800;

const char *const device_name = "credentials";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static const char *const NAMES[] = {"AccessKeyId", "SecretAccessKey",  "SessionToken", "Expiration",
                                    "Token",       "accessToken",      "expiresAt",    "roleCredentials",
                                    "Code",        "aws_access_key_id"};

/* A value that was taken ends inside its room, and stands in the text: JSON alone may have taken backslashes away. */
static void look(const char *text, bool was_taken, const char *value, size_t n_room, bool is_verbatim)
{
    if (!was_taken) {
        return;
    }
    if (!memchr(value, '\0', n_room)) {
        fuzz_fail("a value has no end");
    }
    if (is_verbatim && !strstr(text, value)) {
        fuzz_fail("a value does not stand in the text");
    }
}

static void read_members(const char *text, const char *name)
{
    char value[SHORT_BYTES];
    uint64_t number = 0;
    look(text, service_json_text(text, name, value, sizeof value), value, sizeof value, !strchr(text, '\\'));
    look(text, service_xml_text(text, name, value, sizeof value), value, sizeof value, true);
    look(text, service_profile_value(text, "default", name, value, sizeof value), value, sizeof value, true);
    if (service_profile_value(text, "default", name, value, sizeof value) &&
        !(service_profile_exists(text, "default") && service_profile_has(text, "default", name))) {
        fuzz_fail("a value in a section that does not exist");
    }
    if (service_json_number(text, name, &number) && number >= UINT64_C(1000000000000000000)) {
        fuzz_fail("a number of more than 18 digits");
    }
    const char *object = service_json_object(text, name);
    if (object && (object < text || *object != '{')) {
        fuzz_fail("an object that is none");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    char *word[WORDS];
    if (n_bytes > INPUT_MAX_BYTES) {
        return 0;
    }
    char *text = malloc(n_bytes + 1); /* the sanitizer sees a byte too far */
    if (!text) {
        abort();
    }
    memcpy(text, bytes, n_bytes);
    text[n_bytes] = '\0';
    for (unsigned i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        read_members(text, NAMES[i]);
    }
    if (service_time_of(text) >= YEAR_10000_S) {
        fuzz_fail("a time after the year 9999");
    }
    const unsigned n = service_split(text, word, WORDS); /* the last: it writes into the text */
    if (n >= WORDS || (n > 0 && word[n])) {
        fuzz_fail("more words than there is room for");
    }
    for (unsigned i = 0; i < n; i++) {
        if (word[i] < text || word[i] + strlen(word[i]) > text + n_bytes) {
            fuzz_fail("a word outside of the text");
        }
    }
    free(text);
    return 0;
}
