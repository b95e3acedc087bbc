#include "base/err.h"

/* The cases come from the one list in err.h. A number that arrived over a wire may be none of them, and
 * gets the text after the switch. */
const char *fota_err_text(enum fota_err err)
{
    switch (err) {
#define FOTA_ERR_TEXT(id, number, text)                                                                      \
    case id:                                                                                                 \
        return text;
        FOTA_ERR_LIST(FOTA_ERR_TEXT)
#undef FOTA_ERR_TEXT
    }
    return "unknown error";
}

const char *fota_err_name(enum fota_err err)
{
    switch (err) {
#define FOTA_ERR_NAME(id, number, text)                                                                      \
    case id:                                                                                                 \
        return #id;
        FOTA_ERR_LIST(FOTA_ERR_NAME)
#undef FOTA_ERR_NAME
    }
    return "E_UNKNOWN";
}
