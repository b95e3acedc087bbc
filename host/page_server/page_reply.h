/**
 * Replies of the local page, each with the page's headers. Private.
 */
#ifndef PAGE_SERVER_PAGE_REPLY_H
#define PAGE_SERVER_PAGE_REPLY_H

#include <microhttpd.h>

#include "page/page_files.h"

/**
 * Send `r` and give it up.
 * @param name_value  NULL, or a header's name and value for this reply
 */
enum MHD_Result page_reply_send(struct MHD_Connection *m, unsigned status, struct MHD_Response *r,
                                const char *type, const char *const name_value[2]);

/** A text of /api; copied. */
enum MHD_Result page_reply_json(struct MHD_Connection *m, unsigned status, const char *text, size_t n_bytes);

/**
 * {"ok":..., "text":"..."}: ok below 400.
 * @param allow  the right method, with 405; else NULL
 */
enum MHD_Result page_reply_words(struct MHD_Connection *m, unsigned status, const char *words,
                                 const char *allow);

/** A file of the page, or 304 if the browser has it. */
enum MHD_Result page_reply_file(struct MHD_Connection *m, const struct page_file *file);

#endif
