/**
 * The one upload of the local page. Its file loses its name as soon as it is open: whatever ends the upload, the
 * program or the power, no half-written file is left. Private.
 */
#ifndef PAGE_SERVER_PAGE_UPLOAD_H
#define PAGE_SERVER_PAGE_UPLOAD_H

#include <microhttpd.h>

#include "page_server/page_server.h"

/** Milliseconds of a clock that never goes back. */
uint64_t page_now_ms(void);

/** The headers are right: open the file, or refuse (409, 507). */
enum MHD_Result page_upload_begin(struct page_connection *c);

/** Some bytes of the body. Too slow a client is cut. */
enum MHD_Result page_upload_take(struct page_connection *c, const char *data, size_t *n_data);

/** The body is whole: hand it over, and reply. */
enum MHD_Result page_upload_end(struct page_connection *c);

/** The request is over, however it ended. The lock is held. */
void page_upload_drop(struct page_connection *c);

/** Remove what a program that was killed between two calls may have left. */
void page_upload_clean(struct page_server *s);

#endif
