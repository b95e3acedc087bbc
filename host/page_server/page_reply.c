#include "page_reply.h"

#include <stdbool.h>
#include <string.h>

#include "page/page_words.h"

static bool add_headers(struct MHD_Response *r, const char *type, const char *const name_value[2])
{
    bool is_right = MHD_add_response_header(r, "Content-Type", type) == MHD_YES;
    for (size_t i = 0; i < page_n_headers; i++) {
        is_right =
            MHD_add_response_header(r, page_headers[i].name, page_headers[i].value) == MHD_YES && is_right;
    }
    if (name_value) {
        is_right = MHD_add_response_header(r, name_value[0], name_value[1]) == MHD_YES && is_right;
    }
    return is_right;
}

enum MHD_Result page_reply_send(struct MHD_Connection *m, unsigned status, struct MHD_Response *r,
                                const char *type, const char *const name_value[2])
{
    if (!r) {
        return MHD_NO; /* no memory: the connection ends */
    }
    /* A file has its ETag, and is asked for each time; what /api says is never kept. */
    bool is_file = name_value && strcmp(name_value[0], "ETag") == 0;
    bool is_right = add_headers(r, type, name_value) &&
                    MHD_add_response_header(r, "Cache-Control", is_file ? "no-cache" : "no-store") == MHD_YES;
    enum MHD_Result result = is_right ? MHD_queue_response(m, status, r) : MHD_NO;
    MHD_destroy_response(r);
    return result;
}

enum MHD_Result page_reply_json(struct MHD_Connection *m, unsigned status, const char *text, size_t n_bytes)
{
    /* libmicrohttpd copies it; its parameter is not const */
    struct MHD_Response *r =
        MHD_create_response_from_buffer(n_bytes, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    return page_reply_send(m, status, r, "application/json", NULL);
}

enum MHD_Result page_reply_words(struct MHD_Connection *m, unsigned status, const char *words,
                                 const char *allow)
{
    char text[PAGE_WORDS_BYTES];
    const char *const allowed[2] = {"Allow", allow};
    const char *const scheme[2] = {"WWW-Authenticate", "Bearer"};
    size_t n_bytes = page_words(status, words, text);
    struct MHD_Response *r = MHD_create_response_from_buffer(n_bytes, text, MHD_RESPMEM_MUST_COPY);
    return page_reply_send(m, status, r, "application/json",
                           allow                             ? allowed
                           : status == MHD_HTTP_UNAUTHORIZED ? scheme
                                                             : NULL);
}

enum MHD_Result page_reply_file(struct MHD_Connection *m, const struct page_file *file)
{
    const char *const etag[2] = {"ETag", file->etag};
    const char *has = MHD_lookup_connection_value(m, MHD_HEADER_KIND, "If-None-Match");
    bool is_known = has && strcmp(has, file->etag) == 0;
    struct MHD_Response *r = MHD_create_response_from_buffer(
        is_known ? 0 : file->n_bytes, (void *)(uintptr_t)file->bytes, MHD_RESPMEM_PERSISTENT);
    return page_reply_send(m, is_known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, r, file->type, etag);
}
